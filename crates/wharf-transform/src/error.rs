//! What can go wrong in a transform.

use std::fmt;

use wharf_tensor::TensorError;

/// A pipeline that cannot be, or an input it cannot take; [`TransformError::kind`] says in which way.
#[derive(Debug, Clone, PartialEq)]
pub struct TransformError {
    kind: TransformErrorKind,
    message: String,
}

/// The ways in which a transform can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransformErrorKind {
    /// A step's setting is out of range, or the steps do not fit one after the other.
    InvalidPipeline,
    /// The input's element type, rank or size is not what the pipeline takes.
    InvalidInput,
    /// An encoded picture is damaged or of an unknown format.
    BadPicture,
    /// A picture, encoded or decoded, is larger than the limit.
    TooLarge,
}

impl TransformError {
    pub(crate) fn pipeline(message: impl Into<String>) -> Self {
        Self { kind: TransformErrorKind::InvalidPipeline, message: message.into() }
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self { kind: TransformErrorKind::InvalidInput, message: message.into() }
    }

    pub(crate) fn picture(message: impl Into<String>) -> Self {
        Self { kind: TransformErrorKind::BadPicture, message: message.into() }
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self { kind: TransformErrorKind::TooLarge, message: message.into() }
    }

    pub(crate) fn in_row(mut self, row: usize) -> Self {
        self.message = format!("row {row}: {}", self.message);
        self
    }

    /// The way in which it failed.
    pub fn kind(&self) -> TransformErrorKind {
        self.kind
    }
}

impl fmt::Display for TransformError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransformError {}

impl From<TensorError> for TransformError {
    fn from(error: TensorError) -> Self {
        Self::input(error.to_string())
    }
}
