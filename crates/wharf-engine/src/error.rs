//! What can go wrong in an engine.

use std::fmt;

/// Why a model was not loaded or a run has no result. [`fmt::Display`] gives what a caller may be told;
/// [`EngineError::detail`] what the runtime said, which may name paths and belongs in the log.
#[derive(Clone, Debug)]
pub struct EngineError {
    kind: EngineErrorKind,
    message: String,
    detail: Option<String>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EngineErrorKind {
    /// The runtime's library is missing or is not the right one.
    LibraryMissing,
    /// The model file is missing, damaged, or needs what the engine lacks.
    InvalidModel,
    /// The inputs or the choice of outputs do not fit the model.
    InvalidInput,
    /// The run was stopped: nobody waits for it any more.
    Stopped,
    /// There was not enough memory for the run.
    OutOfMemory,
    /// The process that the model runs in is not there at the moment.
    Unavailable,
    /// A fault of the engine.
    Failed,
}

impl EngineError {
    /// An error whose `message` a caller may see.
    pub fn new(kind: EngineErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: None }
    }

    /// Adds what only the log may say.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// The kind of failure.
    pub fn kind(&self) -> EngineErrorKind {
        self.kind
    }

    /// What a caller may be told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the runtime said.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(EngineErrorKind::InvalidInput, message)
    }

    pub(crate) fn model(message: impl Into<String>) -> Self {
        Self::new(EngineErrorKind::InvalidModel, message)
    }

    pub(crate) fn stopped() -> Self {
        Self::new(EngineErrorKind::Stopped, "the run was stopped")
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for EngineError {}
