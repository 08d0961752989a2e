//! ONNX models: read, validate, build.
//!
//! [`GraphBuilder`] puts a graph together from typed operators; [`read_model`] reads a file that may come from
//! anyone, within limits, and validates it. The messages themselves are in [`proto`].
//!
//! ```
//! use wharf_onnx::{GraphBuilder, read_model};
//! use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
//!
//! let mut graph = GraphBuilder::new("halve");
//! let x = graph.input(&TensorSpec::new("x", DType::F32, &[-1, 3]))?;
//! let half = graph.initializer("half", &Tensor::from_vec(Shape::scalar(), vec![0.5_f32])?)?;
//! let y = graph.mul(&x, &half);
//! graph.output(&y, &TensorSpec::new("y", DType::F32, &[-1, 3]))?;
//! let content = graph.build()?.to_bytes();
//!
//! let model = read_model(content)?;
//! assert_eq!(model.inputs()?, [TensorSpec::new("x", DType::F32, &[-1, 3])]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attribute;
mod builder;
mod dtype;
mod edit;
mod error;
mod model;
mod ops;
pub mod proto;
mod scan;
mod tensor;
#[cfg(test)]
mod tests;
mod validate;

pub use attribute::Attribute;
pub use builder::{GraphBuilder, MAX_OPSET, MIN_OPSET, ML_DOMAIN, ML_OPSET, Value};
pub use dtype::{dtype_code, dtype_from_code};
pub use edit::GraphEditor;
pub use error::{OnnxError, OnnxErrorKind};
pub use model::{Model, read_model};
pub use ops::{BatchNorm, Conv2d, Window};
pub use scan::Limits;
