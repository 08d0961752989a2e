//! What can go wrong with data.

use std::fmt;
use std::path::Path;

use wharf_transform::TransformError;

/// Data that cannot be read, fetched or loaded; [`DataError::kind`] says in which way.
#[derive(Debug)]
pub struct DataError {
    kind: DataErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The ways in which data can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DataErrorKind {
    /// A file or folder cannot be read or written.
    Io,
    /// A file's content is not what its format demands.
    Malformed,
    /// Something exceeds a limit.
    TooLarge,
    /// The data set is empty, or lacks what was asked for.
    Missing,
    /// A picture is damaged or does not fit the others.
    BadPicture,
    /// A setting is out of range or contradicts the data.
    InvalidSetting,
    /// A download failed.
    Network,
    /// An address may not be asked.
    Refused,
    /// Somebody else does the same at this moment.
    Busy,
    /// Nobody wants the outcome any more.
    Cancelled,
    /// A file has another digest than the pinned one.
    WrongDigest,
    /// A worker thread panicked.
    WorkerFailed,
}

impl DataError {
    pub(crate) fn new(kind: DataErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn with_source(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    pub(crate) fn io(what: &str, path: &Path, error: std::io::Error) -> Self {
        Self::new(DataErrorKind::Io, format!("cannot {what} `{}`: {error}", path.display()))
            .with_source(error)
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(DataErrorKind::Malformed, message)
    }

    pub(crate) fn too_large(message: impl Into<String>) -> Self {
        Self::new(DataErrorKind::TooLarge, message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(DataErrorKind::Missing, message)
    }

    pub(crate) fn setting(message: impl Into<String>) -> Self {
        Self::new(DataErrorKind::InvalidSetting, message)
    }

    /// Says which file it is about.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.message = format!("`{}`: {}", path.display(), self.message);
        self
    }

    /// The way in which it failed.
    pub fn kind(&self) -> DataErrorKind {
        self.kind
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DataError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<TransformError> for DataError {
    fn from(error: TransformError) -> Self {
        Self::setting(error.to_string()).with_source(error)
    }
}

/// A picture that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadPicture {
    /// Its place in the data set.
    pub index: usize,
    /// Its file or its place, for people.
    pub name: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for BadPicture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad picture `{}`: {}", self.name, self.reason)
    }
}

impl From<BadPicture> for DataError {
    fn from(bad: BadPicture) -> Self {
        Self::new(DataErrorKind::BadPicture, bad.to_string())
    }
}

/// What a bad picture does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnBadPicture {
    /// It is left out of its batch and reported.
    Skip,
    /// It ends the work with an error that names it.
    #[default]
    Fail,
}
