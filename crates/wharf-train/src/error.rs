//! What can go wrong in training, evaluating, exporting and publishing.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use wharf_runs::{Problem, RunError};

use crate::network::LayerProblem;

/// Why something could not be done.
#[derive(Debug)]
pub struct TrainError(Box<Inner>);

/// The sort of a [`TrainError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrainErrorKind {
    /// The recipe holds mistakes, or does not fit the data.
    Recipe,
    /// The pictures cannot be read.
    Data,
    /// A file cannot be read or written.
    Io,
    /// Training has gone astray: the loss is no longer a number.
    Diverged,
    /// A checkpoint or run folder is damaged or belongs to another recipe.
    Run,
    /// Weights do not fit the network, or the network cannot be exported.
    Model,
    /// The bundle was refused.
    Publish,
}

#[derive(Debug)]
enum Inner {
    Recipe(Vec<Problem>),
    Data(Box<dyn Error + Send + Sync>),
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    Diverged { epoch: u32, step: u64, loss: f32 },
    Run(String),
    Model(Vec<String>),
    Publish(Box<dyn Error + Send + Sync>),
}

impl TrainError {
    /// The sort of the error.
    pub fn kind(&self) -> TrainErrorKind {
        match *self.0 {
            Inner::Recipe(_) => TrainErrorKind::Recipe,
            Inner::Data(_) => TrainErrorKind::Data,
            Inner::Io { .. } => TrainErrorKind::Io,
            Inner::Diverged { .. } => TrainErrorKind::Diverged,
            Inner::Run(_) => TrainErrorKind::Run,
            Inner::Model(_) => TrainErrorKind::Model,
            Inner::Publish(_) => TrainErrorKind::Publish,
        }
    }

    /// The mistakes in the recipe; empty for other errors.
    pub fn problems(&self) -> &[Problem] {
        match &*self.0 {
            Inner::Recipe(problems) => problems,
            _ => &[],
        }
    }

    pub(crate) fn recipe(problems: Vec<Problem>) -> Self {
        Self(Box::new(Inner::Recipe(problems)))
    }

    pub(crate) fn setting(key: &str, problem: impl Into<String>) -> Self {
        Self::recipe(vec![Problem { key: key.to_owned(), value: None, problem: problem.into() }])
    }

    pub(crate) fn layers(problems: Vec<LayerProblem>) -> Self {
        let problem = |LayerProblem { layer, problem }| Problem { key: layer, value: None, problem };
        Self::recipe(problems.into_iter().map(problem).collect())
    }

    pub(crate) fn data(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner::Data(error.into())))
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self(Box::new(Inner::Io { action, path: path.to_path_buf(), source }))
    }

    pub(crate) fn diverged(epoch: u32, step: u64, loss: f32) -> Self {
        Self(Box::new(Inner::Diverged { epoch, step, loss }))
    }

    pub(crate) fn run(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner::Run(problem.into())))
    }

    pub(crate) fn model(problems: Vec<String>) -> Self {
        Self(Box::new(Inner::Model(problems)))
    }

    pub(crate) fn publish(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Box::new(Inner::Publish(error.into())))
    }
}

impl fmt::Display for TrainError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Recipe(problems) => wharf_runs::write_problems(formatter, problems),
            Inner::Data(error) => write!(formatter, "cannot read the pictures: {error}"),
            Inner::Io { action, path, source } => {
                write!(formatter, "cannot {action} `{}`: {source}", path.display())
            }
            Inner::Diverged { epoch, step, loss } => write!(
                formatter,
                "the loss is {loss} in epoch {epoch}, step {step}; lower `optimiser.rate` or add a warm-up"
            ),
            Inner::Run(problem) => formatter.write_str(problem),
            Inner::Model(problems) => formatter.write_str(&problems.join("\n")),
            Inner::Publish(error) => write!(formatter, "cannot publish: {error}"),
        }
    }
}

impl From<RunError> for TrainError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Io { action, path, source } => Self::io(action, &path, source),
            other => Self::run(other.to_string()),
        }
    }
}

impl Error for TrainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &*self.0 {
            Inner::Io { source, .. } => Some(source),
            Inner::Data(error) | Inner::Publish(error) => error.source(),
            _ => None,
        }
    }
}
