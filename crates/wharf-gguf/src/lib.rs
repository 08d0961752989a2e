//! GGUF files: headers read and checked before anything else sees them.
//!
//! A header has metadata and the places of tensors. [`Header`] reads it with every size checked against the length of the
//! file, so that what llama.cpp opens afterwards is whole: no count, length, offset or element type is out of bounds.
//! [`Header::check_model`] looks at what a model needs besides, [`Facts`] has what is worth knowing of it, and
//! [`estimate`] says how much memory it will take.
//!
//! ```
//! use wharf_gguf::Header;
//!
//! let file = b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
//! let header = Header::read(&file[..], file.len() as u64)?;
//! assert_eq!((header.version(), header.tensors().len()), (3, 0));
//! assert_eq!(header.check_model().unwrap_err().to_string(), "key `general.architecture` is missing");
//! # Ok::<(), wharf_gguf::GgufError>(())
//! ```

mod error;
mod facts;
mod header;
mod memory;
mod model;
mod source;
mod tensor;
#[cfg(test)]
mod tests;
mod value;

pub use error::{GgufError, GgufErrorKind};
pub use facts::Facts;
pub use header::Header;
pub use memory::{Estimate, MemoryPlan, estimate};
pub use tensor::{ElementType, TensorInfo};
pub use value::Value;
