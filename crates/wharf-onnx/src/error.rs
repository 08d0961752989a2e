//! What can be wrong with a model.

use std::error::Error;
use std::fmt;

use wharf_tensor::TensorError;

/// A model that cannot be read or built; [`OnnxError::kind`] says why.
#[derive(Debug)]
pub struct OnnxError(Box<Inner>);

/// The reasons for which a model cannot be read or built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnnxErrorKind {
    /// The data is no protobuf message of a model.
    Encoding,
    /// A limit is exceeded.
    Limit,
    /// The graph contradicts itself: a name twice, a value that nothing makes, a part that is missing.
    Graph,
    /// A tensor does not have the data that its type and shape demand.
    Tensor,
    /// The model is sound but uses something that is not supported.
    Unsupported,
}

#[derive(Debug)]
enum Inner {
    Encoding { source: prost::DecodeError },
    Limit { what: &'static str, limit: usize },
    Missing { what: &'static str },
    Duplicate { what: &'static str, name: String },
    Undefined { user: String, name: String },
    Tensor { name: String, problem: String, source: Option<TensorError> },
    Unsupported { what: String },
}

impl OnnxError {
    /// The reason.
    pub fn kind(&self) -> OnnxErrorKind {
        match *self.0 {
            Inner::Encoding { .. } => OnnxErrorKind::Encoding,
            Inner::Limit { .. } => OnnxErrorKind::Limit,
            Inner::Missing { .. } | Inner::Duplicate { .. } | Inner::Undefined { .. } => OnnxErrorKind::Graph,
            Inner::Tensor { .. } => OnnxErrorKind::Tensor,
            Inner::Unsupported { .. } => OnnxErrorKind::Unsupported,
        }
    }

    pub(crate) fn limit(what: &'static str, limit: usize) -> Self {
        Self(Box::new(Inner::Limit { what, limit }))
    }

    pub(crate) fn missing(what: &'static str) -> Self {
        Self(Box::new(Inner::Missing { what }))
    }

    pub(crate) fn duplicate(what: &'static str, name: &str) -> Self {
        Self(Box::new(Inner::Duplicate { what, name: shortened(name) }))
    }

    pub(crate) fn undefined(user: &str, name: &str) -> Self {
        Self(Box::new(Inner::Undefined { user: shortened(user), name: shortened(name) }))
    }

    pub(crate) fn tensor(name: &str, problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Tensor { name: shortened(name), problem: problem.into(), source: None }))
    }

    pub(crate) fn tensor_source(name: &str, source: TensorError) -> Self {
        let problem = source.to_string();
        Self(Box::new(Inner::Tensor { name: shortened(name), problem, source: Some(source) }))
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self(Box::new(Inner::Unsupported { what: what.into() }))
    }
}

impl From<prost::DecodeError> for OnnxError {
    fn from(source: prost::DecodeError) -> Self {
        Self(Box::new(Inner::Encoding { source }))
    }
}

/// What a message repeats of the input: not more than anyone would read, and no control characters.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

impl fmt::Display for OnnxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Encoding { source } => write!(f, "data is no ONNX model: {source}"),
            Inner::Limit { what, limit } => write!(f, "model has too many {what}, expected at most {limit}"),
            Inner::Missing { what } => write!(f, "model has no {what}"),
            Inner::Duplicate { what, name } => write!(f, "{what} `{name}` is defined twice"),
            Inner::Undefined { user, name } => {
                write!(f, "{user} uses value `{name}`, which nothing before it defines")
            }
            Inner::Tensor { name, problem, .. } => write!(f, "tensor `{name}` {problem}"),
            Inner::Unsupported { what } => write!(f, "{what}"),
        }
    }
}

impl Error for OnnxError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Inner::Encoding { source } => Some(source),
            Inner::Tensor { source: Some(source), .. } => Some(source),
            _ => None,
        }
    }
}
