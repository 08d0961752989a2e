//! What the folder of a run that trains a network tells.

use std::path::{Path, PathBuf};

use serde::Serialize;
use wharf_runs::{RunFolder, RunStatus};

use crate::error::TrainError;
use crate::metrics::{EpochMetrics, Evaluation};

/// One line for each epoch.
pub(crate) const METRICS: &str = "metrics.jsonl";
/// How the finished network does.
pub(crate) const EVALUATION: &str = "evaluation.json";

/// What a run folder tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunDetails {
    /// How far it has come.
    pub status: RunStatus,
    /// The folder.
    pub folder: PathBuf,
    /// One entry per epoch.
    pub epochs: Vec<EpochMetrics>,
    /// How the finished network does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<Evaluation>,
}

impl RunDetails {
    /// Reads the run in `folder`.
    ///
    /// # Errors
    /// The folder holds no run, or its files are damaged.
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let run = RunFolder::view(folder);
        let status = run.status()?;
        let status =
            status.ok_or_else(|| TrainError::run(format!("there is no run in `{}`", folder.display())))?;
        let (epochs, evaluation) = (run.lines(METRICS)?, run.read_json(EVALUATION)?);
        Ok(Self { status, folder: folder.to_path_buf(), epochs, evaluation })
    }
}
