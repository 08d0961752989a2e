//! What is wrong with a file.

use std::fmt;
use std::io;

/// Why a file is not taken.
#[derive(Debug)]
pub struct GgufError {
    kind: GgufErrorKind,
    message: String,
    source: Option<io::Error>,
}

/// The kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GgufErrorKind {
    /// It cannot be read.
    Read,
    /// It is no GGUF file.
    NotGguf,
    /// It ends before what it announces.
    Truncated,
    /// It contradicts itself or the format.
    Malformed,
    /// It is well formed and of a kind that is not taken.
    Unsupported,
}

impl GgufError {
    /// The kind of failure.
    pub fn kind(&self) -> GgufErrorKind {
        self.kind
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self { kind: GgufErrorKind::Malformed, message: message.into(), source: None }
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self { kind: GgufErrorKind::Unsupported, message: message.into(), source: None }
    }

    pub(crate) fn not_gguf(message: impl Into<String>) -> Self {
        Self { kind: GgufErrorKind::NotGguf, message: message.into(), source: None }
    }

    pub(crate) fn truncated(message: impl Into<String>) -> Self {
        Self { kind: GgufErrorKind::Truncated, message: message.into(), source: None }
    }

    pub(crate) fn read(error: io::Error) -> Self {
        Self { kind: GgufErrorKind::Read, message: "the file cannot be read".to_owned(), source: Some(error) }
    }
}

impl fmt::Display for GgufError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for GgufError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
