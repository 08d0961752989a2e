//! Reads pickles without running them, and reads and writes PyTorch's `.pth` files.
//!
//! A pickle is a program. This crate executes only the part of it that builds plain data: a global that is not
//! on the caller's list is an error that names it, and so is every opcode that data does not need. Calls are
//! kept as data ([`ValueKind::Call`]); nothing is ever called. Memory is linear in the length of the input, and
//! everything that could grow faster is limited ([`Limits`]).
//!
//! ```
//! use bytes::Bytes;
//! use wharf_pickle::{CIFAR_GLOBALS, Limits, Pickle};
//!
//! // pickle.dumps({b"labels": [6, 9]}, protocol=3)
//! let content = Bytes::from_static(b"\x80\x03}q\x00C\x06labelsq\x01]q\x02(K\x06K\x09es.");
//! let pickle = Pickle::parse(&content, CIFAR_GLOBALS, &Limits::default())?;
//! assert_eq!(pickle.root().field("labels")?.ints()?, [6, 9]);
//! # Ok::<(), wharf_pickle::PickleError>(())
//! ```

mod cursor;
mod error;
mod globals;
mod machine;
mod node;
mod numpy;
mod opcode;
mod pth;
mod reduce;
mod step;
#[cfg(test)]
mod tests;
mod value;
mod writer;

pub use error::{PickleError, PickleErrorKind};
pub use globals::{CIFAR_GLOBALS, Globals};
pub use machine::Limits;
pub use node::Pickle;
pub use numpy::{NdArray, numpy_array};
pub use pth::{TORCH_GLOBALS, read_pth, write_pth};
pub use value::{Value, ValueKind};
