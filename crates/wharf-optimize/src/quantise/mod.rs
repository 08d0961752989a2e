//! Numbers of fewer bits: 8-bit integers, static or dynamic, for weights alone, or 16-bit floats.

mod dynamic;
mod opset;
pub(crate) mod parameters;
mod qdq;
pub(crate) mod scope;
pub(crate) mod weights;
mod weights_only;

pub use dynamic::{DynamicOptions, quantise_dynamic};
pub use parameters::{Grid, IntType, Parameters};
pub use qdq::{StaticOptions, quantise_static};
pub use scope::{DYNAMIC_OPERATORS, STATIC_OPERATORS, Scope, node_name};
pub use weights::QuantisedWeight;
pub use weights_only::{half_weights, quantise_weights};
