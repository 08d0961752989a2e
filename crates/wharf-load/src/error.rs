//! Why a load could not be made.

use std::fmt;

/// Why a load could not be made or driven. Answers that are errors are no such reason: they are counted.
#[derive(Debug)]
pub struct LoadError {
    kind: LoadErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The kinds of [`LoadError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// A setting makes no sense.
    Argument,
    /// The request cannot be written for the wire.
    Request,
    /// The server cannot be reached.
    Unreachable,
}

impl LoadError {
    pub(crate) fn argument(message: impl Into<String>) -> Self {
        Self { kind: LoadErrorKind::Argument, message: message.into(), source: None }
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self { kind: LoadErrorKind::Request, message: message.into(), source: None }
    }

    pub(crate) fn unreachable(
        server: &str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let message = format!("cannot reach `{server}`");
        Self { kind: LoadErrorKind::Unreachable, message, source: Some(source.into()) }
    }

    /// Which kind of reason it is.
    pub fn kind(&self) -> LoadErrorKind {
        self.kind
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LoadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| &**source as _)
    }
}
