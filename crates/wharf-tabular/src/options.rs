//! How a run is made, besides what its recipe says; and what comes out of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wharf_learn::{Fitted, Matrix, Prediction};
use wharf_table::Table;
use wharf_transform::columns::{ColumnEncoder, ColumnProgram};

use crate::TabularError;
use crate::evaluation::TableEvaluation;
use crate::leaderboard::Leader;
use crate::recipe::{TableRecipe, TableTask};
use crate::trial::Trial;

/// How a run is made.
#[derive(Clone, Debug)]
pub struct TableOptions {
    pub(crate) run_dir: PathBuf,
    pub(crate) resume: bool,
    pub(crate) threads: usize,
    pub(crate) data: Option<PathBuf>,
    pub(crate) stop: Arc<AtomicBool>,
}

impl TableOptions {
    /// A fresh run in this folder.
    pub fn new(run_dir: &Path) -> Self {
        Self { run_dir: run_dir.to_path_buf(), resume: false, threads: 0, data: None, stop: Arc::default() }
    }

    /// Whether trials that the folder holds are taken up.
    pub fn with_resume(self, resume: bool) -> Self {
        Self { resume, ..self }
    }

    /// So many threads; one for each core where 0. Any number gives the same model.
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// The table from here, not from where the recipe says.
    pub fn with_data(self, data: Option<PathBuf>) -> Self {
        Self { data, ..self }
    }

    /// The run ends early, and can be resumed, once this is set.
    pub fn with_stop(self, stop: Arc<AtomicBool>) -> Self {
        Self { stop, ..self }
    }
}

/// The model that did best, fitted to all rows that are not held out.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// Its trial.
    pub trial: Trial,
    /// The model.
    pub fitted: Fitted,
    /// From columns to the model's features.
    pub program: ColumnProgram,
    /// The classes' names; none for numbers.
    pub labels: Vec<String>,
}

impl Chosen {
    /// What the model says of the rows of a table.
    ///
    /// # Errors
    /// A column is missing, or holds what the program does not take.
    pub fn predict(&self, table: &Table) -> Result<Prediction, TabularError> {
        self.fitted.predict(&self.features(table)?).map_err(TabularError::read)
    }

    /// The first rows of a table for which the model's graph surely says the same as the model, at most `most`.
    pub(crate) fn decided(&self, table: &Table, most: usize) -> Result<Vec<usize>, TabularError> {
        let decided = self.fitted.are_decided(&self.features(table)?).map_err(TabularError::read)?;
        Ok((0..table.rows()).filter(|row| decided[*row]).take(most).collect())
    }

    fn features(&self, table: &Table) -> Result<Matrix, TabularError> {
        let encoder = ColumnEncoder::new(&self.program).map_err(TabularError::read)?;
        let values = table.encode(&encoder).map_err(TabularError::read)?;
        Matrix::new(values, self.program.features()).map_err(TabularError::read)
    }

    /// How much each feature counts, as parts of one, the greatest first; none where the model does not say.
    pub fn importances(&self) -> Vec<(String, f64)> {
        let parts = self.fitted.importances().unwrap_or_default();
        let mut named: Vec<(String, f64)> = self.program.feature_names().into_iter().zip(parts).collect();
        named.sort_by(|a, b| b.1.total_cmp(&a.1));
        named
    }
}

/// What came of a run that is complete.
#[derive(Clone, Debug)]
pub struct TableOutcome {
    /// The run's id.
    pub run_id: String,
    /// Its folder.
    pub run_dir: PathBuf,
    /// What it followed.
    pub recipe: TableRecipe,
    /// Whether classes or numbers are predicted.
    pub task: TableTask,
    /// All trials, as they were made.
    pub trials: Vec<Trial>,
    /// Those that were fitted to all rows of their folds, best first.
    pub leaders: Vec<Leader>,
    /// The best of them.
    pub chosen: Chosen,
    /// How it does on the rows held out.
    pub evaluation: TableEvaluation,
    /// The digest of the table's file.
    pub data_sha256: String,
    /// Rows that the model was fitted to.
    pub rows: usize,
    /// What each feature scored, where features were chosen.
    pub scores: Option<Vec<(String, f64)>>,
    /// Some of the rows held out, for which the graph surely says the same; none where there are no such rows.
    pub golden_rows: Table,
}
