//! What a caller says about a run, and what comes of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wharf_bundle::Baseline;

use crate::export::Goldens;
use crate::metrics::{EpochMetrics, Evaluation};
use crate::network::Network;
use crate::recipe::Recipe;

/// How to run a recipe.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TrainOptions {
    /// The folder of the run.
    pub run_dir: PathBuf,
    /// Whether to take up the newest checkpoint in `run_dir`.
    pub resume: bool,
    /// Threads for the network and for the loader; all cores where 0. Does not change the weights.
    pub threads: usize,
    /// The folder of the pictures, instead of the recipe's.
    pub data: Option<PathBuf>,
    /// Set by the caller to make the run save its state and return.
    pub stop: Arc<AtomicBool>,
}

impl TrainOptions {
    /// A fresh run in `run_dir`.
    pub fn new(run_dir: impl Into<PathBuf>) -> Self {
        Self { run_dir: run_dir.into(), ..Self::default() }
    }

    /// Whether to take up the newest checkpoint.
    pub fn with_resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    /// With a number of threads.
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// With other pictures than the recipe's.
    pub fn with_data(self, data: Option<PathBuf>) -> Self {
        Self { data, ..self }
    }

    /// With a flag by which the caller stops the run.
    pub fn with_stop(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }

    pub(super) fn threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        }
    }
}

/// What a run has come to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The run's id.
    pub run_id: String,
    /// Its folder.
    pub run_dir: PathBuf,
    /// The recipe.
    pub recipe: Recipe,
    /// The trained network.
    pub network: Network,
    /// The classes' names.
    pub labels: Vec<String>,
    /// Steps made in the whole run.
    pub steps: u64,
    /// One entry per epoch.
    pub epochs: Vec<EpochMetrics>,
    /// What was found at the end; `None` where the caller stopped the run, which then can be resumed but not
    /// published.
    pub findings: Option<Findings>,
}

/// What the end of a run found out.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Findings {
    /// How the network does on the evaluation pictures.
    pub evaluation: Evaluation,
    /// Digest of the training pictures and their labels.
    pub data_sha256: String,
    /// What the training pictures look like.
    pub baseline: Baseline,
    /// Evaluation pictures with what the network makes of them.
    pub goldens: Goldens,
}
