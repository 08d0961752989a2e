//! What can be wrong with a bundle or a repository.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::ForeignModel;

/// A bundle or repository that is not as it should be; [`BundleError::kind`] says in which way.
#[derive(Debug)]
pub struct BundleError(Box<Inner>);

/// The ways in which a bundle or a repository can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleErrorKind {
    /// The file system said no.
    Io,
    /// There is no such model, version or bundle.
    NotFound,
    /// A model name, version or file name does not fit the grammar.
    Name,
    /// The manifest is written in a schema that this build does not read.
    Schema,
    /// The manifest is malformed or contradicts itself or its place.
    Manifest,
    /// A file is missing, is no regular file, or lies outside the bundle.
    File,
    /// The model is in a format that this build does not load.
    Format,
    /// A file does not have the size or digest that the manifest says.
    Digest,
    /// The golden inputs and outputs are malformed.
    Goldens,
    /// The version to publish exists already.
    VersionExists,
    /// The caller's check refused to publish.
    Refused,
}

#[derive(Debug)]
enum Inner {
    Io { action: &'static str, path: PathBuf, source: io::Error },
    NotFound { what: String },
    Name { what: &'static str, name: String },
    Schema { actual: u64 },
    Manifest { problem: String, source: Option<serde_json::Error> },
    File { name: String, problem: &'static str },
    Settings { name: String, problem: String },
    Format { found: ForeignModel },
    Digest { name: String, what: &'static str, expected: String, actual: String },
    Goldens { problem: String, source: Option<Box<dyn Error + Send + Sync>> },
    VersionExists { model: String, version: u64 },
    Refused { source: Box<dyn Error + Send + Sync> },
}

impl BundleError {
    /// The way in which it is wrong.
    pub fn kind(&self) -> BundleErrorKind {
        match *self.0 {
            Inner::Io { .. } => BundleErrorKind::Io,
            Inner::NotFound { .. } => BundleErrorKind::NotFound,
            Inner::Name { .. } => BundleErrorKind::Name,
            Inner::Schema { .. } => BundleErrorKind::Schema,
            Inner::Manifest { .. } => BundleErrorKind::Manifest,
            Inner::File { .. } | Inner::Settings { .. } => BundleErrorKind::File,
            Inner::Format { .. } => BundleErrorKind::Format,
            Inner::Digest { .. } => BundleErrorKind::Digest,
            Inner::Goldens { .. } => BundleErrorKind::Goldens,
            Inner::VersionExists { .. } => BundleErrorKind::VersionExists,
            Inner::Refused { .. } => BundleErrorKind::Refused,
        }
    }

    /// Wraps what the file system said; for use as `map_err(BundleError::io("read", &path))`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self(Box::new(Inner::Io { action, path, source }))
    }

    pub(crate) fn not_found(what: impl Into<String>) -> Self {
        Self(Box::new(Inner::NotFound { what: what.into() }))
    }

    pub(crate) fn name(what: &'static str, name: &str) -> Self {
        Self(Box::new(Inner::Name { what, name: name.chars().take(64).collect() }))
    }

    pub(crate) fn schema(actual: u64) -> Self {
        Self(Box::new(Inner::Schema { actual }))
    }

    pub(crate) fn manifest(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Manifest { problem: problem.into(), source: None }))
    }

    pub(crate) fn json(source: serde_json::Error) -> Self {
        Self(Box::new(Inner::Manifest { problem: source.to_string(), source: Some(source) }))
    }

    pub(crate) fn file(name: &str, problem: &'static str) -> Self {
        Self(Box::new(Inner::File { name: name.to_owned(), problem }))
    }

    /// What is wrong within a file that says what the model is.
    pub(crate) fn settings(name: &str, problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Settings { name: name.to_owned(), problem: problem.into() }))
    }

    pub(crate) fn format(found: ForeignModel) -> Self {
        Self(Box::new(Inner::Format { found }))
    }

    pub(crate) fn digest(
        name: &str,
        what: &'static str,
        expected: impl ToString,
        actual: impl ToString,
    ) -> Self {
        let (expected, actual) = (expected.to_string(), actual.to_string());
        Self(Box::new(Inner::Digest { name: name.to_owned(), what, expected, actual }))
    }

    pub(crate) fn goldens(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Goldens { problem: problem.into(), source: None }))
    }

    pub(crate) fn safetensors(source: safetensors::SafeTensorError) -> Self {
        Self(Box::new(Inner::Goldens { problem: source.to_string(), source: Some(Box::new(source)) }))
    }

    pub(crate) fn version_exists(model: &str, version: u64) -> Self {
        Self(Box::new(Inner::VersionExists { model: model.to_owned(), version }))
    }

    pub(crate) fn refused(source: Box<dyn Error + Send + Sync>) -> Self {
        Self(Box::new(Inner::Refused { source }))
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Io { action, path, source } => {
                write!(f, "could not {action} `{}`: {source}", path.display())
            }
            Inner::NotFound { what } => write!(f, "there is no {what}"),
            Inner::Name { what: "version", name } => {
                write!(f, "version {name} is out of range, expected 1 to 2^63 - 1")
            }
            Inner::Name { what, name } => write!(
                f,
                "`{}` is no {what} name, expected a letter or digit and then up to 127 of letters, digits, `.`, `_`, `-`",
                name.escape_debug()
            ),
            Inner::Schema { actual } => {
                write!(f, "manifest has schema {actual}, expected {}", crate::SCHEMA)
            }
            Inner::Manifest { problem, .. } => write!(f, "manifest is not valid: {problem}"),
            Inner::File { name, problem } => write!(f, "file `{name}` {problem}"),
            Inner::Settings { name, problem } => write!(f, "file `{name}` {problem}"),
            Inner::Format { found } => {
                let ForeignModel { file, what } = found;
                write!(f, "`{file}` is {what}, expected `model.onnx`{}", found.cure())
            }
            Inner::Digest { name, what, expected, actual } => {
                write!(f, "file `{name}` has {what} {actual}, expected {expected}")
            }
            Inner::Goldens { problem, .. } => write!(f, "goldens are not valid: {problem}"),
            Inner::VersionExists { model, version } => {
                write!(f, "version {version} of `{model}` exists already")
            }
            Inner::Refused { source } => write!(f, "refused to publish: {source}"),
        }
    }
}

impl Error for BundleError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Inner::Io { source, .. } => Some(source),
            Inner::Manifest { source: Some(source), .. } => Some(source),
            Inner::Goldens { source: Some(source), .. } | Inner::Refused { source } => Some(source.as_ref()),
            _ => None,
        }
    }
}
