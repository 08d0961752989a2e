//! Element types, checked shapes and tensors over shared bytes.
//!
//! Every other crate speaks of data in these terms: a [`Tensor`] is a [`DType`], a [`Shape`] whose element
//! count is known not to overflow, and either one little-endian buffer ([`bytes::Bytes`], so that a slice of
//! a received message is a tensor without a copy) or a list of byte strings.
//!
//! ```
//! use wharf_tensor::{DType, Shape, Tensor};
//!
//! let pixels = Tensor::from_vec(Shape::new(&[2, 2])?, vec![1.0_f32, 2.0, 3.0, 4.0])?;
//! assert_eq!(pixels.dtype(), DType::F32);
//! assert_eq!(pixels.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
//! # Ok::<(), wharf_tensor::TensorError>(())
//! ```

mod dtype;
mod error;
mod rows;
mod shape;
mod spec;
mod tensor;

pub use dtype::{DType, Element};
pub use error::{TensorError, TensorErrorKind};
pub use shape::{MAX_RANK, Shape};
pub use spec::{Dim, ShapePattern, TensorSpec};
pub use tensor::Tensor;
