//! What can go wrong between a table and a bundle.

use std::error::Error;
use std::fmt;

use wharf_runs::{Problem, RunError};

/// Why a table did not become a model.
#[derive(Debug)]
pub struct TabularError {
    kind: TabularErrorKind,
    message: String,
    problems: Vec<Problem>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The sort of a [`TabularError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TabularErrorKind {
    /// The recipe holds mistakes.
    Recipe,
    /// The table cannot be read, or nothing can be learned from it as the recipe says.
    Data,
    /// The folder of the run is of no use.
    Run,
    /// Every model failed.
    Search,
    /// The bundle could not be made or was refused.
    Publish,
}

impl TabularError {
    /// The sort of the error.
    pub fn kind(&self) -> TabularErrorKind {
        self.kind
    }

    /// The mistakes in the recipe; empty for other errors.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    fn new(kind: TabularErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), problems: Vec::new(), source: None }
    }

    fn of(kind: TabularErrorKind, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let error = error.into();
        Self { source: Some(error), ..Self::new(kind, "") }
    }

    pub(crate) fn recipe(problems: Vec<Problem>) -> Self {
        Self { problems, ..Self::new(TabularErrorKind::Recipe, "") }
    }

    pub(crate) fn setting(key: &str, problem: impl Into<String>) -> Self {
        Self::recipe(vec![Problem { key: key.to_owned(), value: None, problem: problem.into() }])
    }

    pub(crate) fn data(message: impl Into<String>) -> Self {
        Self::new(TabularErrorKind::Data, message)
    }

    /// What a table says of itself.
    pub(crate) fn from_table(error: wharf_table::TableError) -> Self {
        Self::data(error.to_string())
    }

    pub(crate) fn read(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(TabularErrorKind::Data, error)
    }

    /// The same, with the file that it is about.
    pub(crate) fn in_file(self, path: &std::path::Path) -> Self {
        Self { message: format!("`{}`: {}", path.display(), self.message), ..self }
    }

    pub(crate) fn search(message: impl Into<String>) -> Self {
        Self::new(TabularErrorKind::Search, message)
    }

    pub(crate) fn run(message: impl Into<String>) -> Self {
        Self::new(TabularErrorKind::Run, message)
    }

    pub(crate) fn publish(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::of(TabularErrorKind::Publish, error)
    }
}

impl From<RunError> for TabularError {
    fn from(error: RunError) -> Self {
        Self::of(TabularErrorKind::Run, error)
    }
}

impl fmt::Display for TabularError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            let before = if self.kind == TabularErrorKind::Publish { "cannot publish: " } else { "" };
            return write!(formatter, "{before}{source}");
        }
        if self.problems.is_empty() {
            return formatter.write_str(&self.message);
        }
        wharf_runs::write_problems(formatter, &self.problems)
    }
}

impl Error for TabularError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().and_then(|error| error.source())
    }
}
