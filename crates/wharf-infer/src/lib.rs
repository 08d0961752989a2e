//! The neutral request and response that every wire decodes into and encodes from.
//!
//! No transport, no model format: a [`InferRequest`] says which model, which tensors, until when and for
//! whom; a [`InferResponse`] says what came out; a [`ServiceError`] says why not, with a public message for
//! the caller and a private detail for the log.
//!
//! ```
//! use wharf_infer::{ErrorCode, InferRequest, ModelRef, ServiceError};
//!
//! let request = InferRequest::new(ModelRef::latest("resnet"));
//! assert_eq!(request.model.to_string(), "Latest(resnet)");
//! let error = ServiceError::new(ErrorCode::NotFound, format!("Servable not found for request: {}", request.model));
//! assert_eq!(error.code(), ErrorCode::NotFound);
//! ```

mod caller;
mod deadline;
mod error;
pub mod language;
mod model_ref;
mod request;
mod sequence;
mod trace;

pub use caller::Caller;
pub use deadline::Deadline;
pub use error::{ErrorCode, ServiceError};
pub use model_ref::{ModelRef, VersionChoice};
pub use request::{InferRequest, InferResponse, NamedTensor};
pub use sequence::{SequenceId, SequencePart};
pub use trace::{Span, SpanSink, SpanValue, Trace, TraceContext};
