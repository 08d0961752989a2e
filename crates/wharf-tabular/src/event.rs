//! What happens during a run, for whoever watches it.

use std::path::PathBuf;

use serde::Serialize;

use crate::evaluation::TableEvaluation;
use crate::metric::Metric;
use crate::recipe::TableTask;
use crate::trial::Trial;

/// Something that happened; one JSON line each.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TableEvent {
    /// The table is read, and the first trial is about to be made.
    Started {
        /// The run's id.
        run: String,
        /// Its folder.
        folder: PathBuf,
        /// Rows that trials learn from.
        rows: usize,
        /// Rows that are held out.
        evaluation_rows: usize,
        /// Columns that models may see.
        columns: usize,
        /// Whether classes or numbers are predicted.
        task: TableTask,
        /// The classes' names; none for numbers.
        labels: Vec<String>,
        /// What models are compared by.
        metric: Metric,
        /// Folds of each trial.
        folds: usize,
        /// The models to choose among.
        candidates: Vec<&'static str>,
        /// Trials at most.
        trials: usize,
        /// Trials that were made before the run was interrupted.
        resumed_at_trial: u64,
    },
    /// Something about the data that their owner should know.
    Noted {
        /// What it is.
        text: String,
    },
    /// A trial has ended.
    Trial {
        /// What it was and how it did.
        #[serde(flatten)]
        trial: Trial,
        /// Its mean over the folds.
        mean: Option<f64>,
        /// Whether none was better so far.
        is_best: bool,
    },
    /// No more trials are made, because time is up.
    BudgetSpent {
        /// Trials that were made.
        trials: u64,
    },
    /// The caller asked to stop; the run can be resumed.
    Interrupted {
        /// Trials that were made.
        trials: u64,
    },
    /// The run is complete.
    Finished {
        /// The chosen model.
        kind: String,
        /// How it does on the rows held out.
        evaluation: TableEvaluation,
        /// Seconds, over all parts of the run.
        seconds: f64,
    },
}

/// Whoever watches a run.
pub trait TableObserver: Send {
    /// Called in order, by one thread at a time.
    fn observe(&mut self, event: &TableEvent);
}

impl<F: FnMut(&TableEvent) + Send> TableObserver for F {
    fn observe(&mut self, event: &TableEvent) {
        self(event);
    }
}
