//! What can go wrong with a table.

use std::fmt;
use std::path::Path;

use wharf_transform::TransformError;

/// A table that cannot be read or prepared; [`TableError::kind`] says in which way.
#[derive(Debug)]
pub struct TableError {
    kind: TableErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The ways in which a table can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TableErrorKind {
    /// A file cannot be read.
    Io,
    /// A file's content is not what its format, or a declared type, demands.
    Malformed,
    /// A column or a row that there is not.
    Missing,
    /// A setting is out of range or contradicts the table.
    InvalidSetting,
    /// More than can be handled.
    TooLarge,
    /// Something that the format has and that is not read here.
    Unsupported,
}

impl TableError {
    pub(crate) fn new(kind: TableErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(TableErrorKind::Malformed, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(TableErrorKind::Missing, message)
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(TableErrorKind::InvalidSetting, message)
    }

    pub(crate) fn io(path: &Path, error: std::io::Error) -> Self {
        Self::new(TableErrorKind::Io, format!("cannot read `{}`: {error}", path.display())).with_source(error)
    }

    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Says which file it is about.
    pub(crate) fn in_file(mut self, name: &str) -> Self {
        self.message = format!("`{name}`: {}", self.message);
        self
    }

    /// The way in which it failed.
    pub fn kind(&self) -> TableErrorKind {
        self.kind
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TableError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<TransformError> for TableError {
    fn from(error: TransformError) -> Self {
        Self::setting(error.to_string()).with_source(error)
    }
}
