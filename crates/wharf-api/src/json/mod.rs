//! JSON without a document tree: numbers go from the text straight into typed buffers, and from typed
//! buffers straight into text.
//!
//! The dialect is that of TensorFlow Serving: `NaN`, `Infinity`, `Inf` and their negatives are numbers, and
//! reading stops after the first value. Skipping is iterative, so that nesting costs a bit and no stack.

mod decimal;
mod element;
mod elements;
mod error;
mod nested;
mod number;
mod scanner;
mod skip;
mod string;
mod writer;

#[cfg(test)]
mod tests;

#[cfg(test)]
use decimal::Decimal;
pub(crate) use decimal::write_decimal;
pub(crate) use element::{Buffer, data_type_name};
pub(crate) use elements::{Elements, StringForm};
pub(crate) use error::{malformed, shown, type_name};
pub(crate) use nested::ItemShape;
pub(crate) use number::Number;
#[cfg(test)]
pub(crate) use scanner::MAX_STRINGS;
pub(crate) use scanner::Scanner;
pub(crate) use writer::{Layout, PrettyWriter, write_string};
