//! What can go wrong in making a model smaller.

use std::error::Error;
use std::fmt;

use wharf_bundle::BundleError;
use wharf_engine::EngineError;
use wharf_onnx::OnnxError;
use wharf_tensor::TensorError;

/// Why a model could not be optimised, measured or published; [`OptimizeError::kind`] says the sort.
#[derive(Debug)]
pub struct OptimizeError(Box<Inner>);

/// The sorts of an [`OptimizeError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OptimizeErrorKind {
    /// The request contradicts itself or does not fit the model.
    Request,
    /// The samples do not fit the model, or hold what no range can be made of.
    Data,
    /// The model cannot be changed in this way.
    Model,
    /// The engine refused a model or a run.
    Engine,
    /// The new version was refused.
    Publish,
    /// A file could not be written.
    Io,
}

#[derive(Debug)]
enum Inner {
    Request(String),
    Data(String),
    Model(String),
    Onnx(OnnxError),
    Tensor(TensorError),
    Engine { action: &'static str, source: EngineError },
    Bundle(BundleError),
    Io { action: &'static str, source: std::io::Error },
}

impl OptimizeError {
    /// The sort of the error.
    pub fn kind(&self) -> OptimizeErrorKind {
        match *self.0 {
            Inner::Request(_) => OptimizeErrorKind::Request,
            Inner::Data(_) => OptimizeErrorKind::Data,
            Inner::Model(_) | Inner::Onnx(_) | Inner::Tensor(_) => OptimizeErrorKind::Model,
            Inner::Engine { .. } => OptimizeErrorKind::Engine,
            Inner::Bundle(_) => OptimizeErrorKind::Publish,
            Inner::Io { .. } => OptimizeErrorKind::Io,
        }
    }

    pub(crate) fn request(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Request(problem.into())))
    }

    pub(crate) fn data(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Data(problem.into())))
    }

    pub(crate) fn model(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Model(problem.into())))
    }

    pub(crate) fn engine(action: &'static str) -> impl FnOnce(EngineError) -> Self {
        move |source| Self(Box::new(Inner::Engine { action, source }))
    }

    pub(crate) fn io(action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self(Box::new(Inner::Io { action, source }))
    }
}

impl From<OnnxError> for OptimizeError {
    fn from(source: OnnxError) -> Self {
        Self(Box::new(Inner::Onnx(source)))
    }
}

impl From<TensorError> for OptimizeError {
    fn from(source: TensorError) -> Self {
        Self(Box::new(Inner::Tensor(source)))
    }
}

impl From<BundleError> for OptimizeError {
    fn from(source: BundleError) -> Self {
        Self(Box::new(Inner::Bundle(source)))
    }
}

impl fmt::Display for OptimizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Request(problem) | Inner::Data(problem) | Inner::Model(problem) => f.write_str(problem),
            Inner::Onnx(source) => write!(f, "the graph cannot be changed: {source}"),
            Inner::Tensor(source) => write!(f, "the tensors do not fit: {source}"),
            Inner::Engine { action, source } => match source.detail() {
                Some(detail) => write!(f, "cannot {action}: {source} ({detail})"),
                None => write!(f, "cannot {action}: {source}"),
            },
            Inner::Bundle(source) => write!(f, "cannot publish: {source}"),
            Inner::Io { action, source } => write!(f, "cannot {action}: {source}"),
        }
    }
}

impl Error for OptimizeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Inner::Onnx(source) => Some(source),
            Inner::Tensor(source) => Some(source),
            Inner::Engine { source, .. } => Some(source),
            Inner::Bundle(source) => Some(source),
            Inner::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
