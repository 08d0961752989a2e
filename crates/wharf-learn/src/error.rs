//! What can go wrong when an estimator is fitted, asked or exported.

use std::fmt;

/// A fit, prediction, export or search that failed; [`LearnError::kind`] says in which way.
#[derive(Debug)]
pub struct LearnError {
    kind: LearnErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The ways in which learning can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LearnErrorKind {
    /// A setting is out of range.
    InvalidSetting,
    /// The data do not fit each other, or hold what this estimator cannot take.
    InvalidData,
    /// The numbers do not allow a solution, such as a matrix that is singular.
    Numerical,
    /// The caller asked to stop.
    Stopped,
    /// A file cannot be read or written.
    Io,
    /// A file's content is not what its format demands.
    Malformed,
    /// The graph could not be built.
    Export,
}

impl LearnError {
    pub(crate) fn new(kind: LearnErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(LearnErrorKind::InvalidSetting, message)
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(LearnErrorKind::InvalidData, message)
    }

    pub(crate) fn stopped() -> Self {
        Self::new(LearnErrorKind::Stopped, "the fit was stopped before it was done")
    }

    /// The way in which it failed.
    pub fn kind(&self) -> LearnErrorKind {
        self.kind
    }
}

impl fmt::Display for LearnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LearnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<wharf_onnx::OnnxError> for LearnError {
    fn from(error: wharf_onnx::OnnxError) -> Self {
        Self::new(LearnErrorKind::Export, format!("cannot build the graph: {error}")).with_source(error)
    }
}

impl From<wharf_tensor::TensorError> for LearnError {
    fn from(error: wharf_tensor::TensorError) -> Self {
        Self::new(LearnErrorKind::Export, format!("cannot build the graph: {error}")).with_source(error)
    }
}
