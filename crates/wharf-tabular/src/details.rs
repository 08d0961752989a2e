//! What the folder of a run tells that chooses among models for a table.

use std::path::{Path, PathBuf};

use serde::Serialize;
use wharf_runs::{RunFolder, RunStatus};

use crate::TabularError;
use crate::evaluation::TableEvaluation;
use crate::leaderboard::Leader;
use crate::recipe::TableRecipe;

/// How the chosen model does on the rows held out.
pub(crate) const EVALUATION: &str = "evaluation.json";
/// The trials, best first.
pub(crate) const LEADERBOARD: &str = "leaderboard.json";
/// What the run follows.
pub(crate) const RECIPE: &str = "recipe.toml";

/// What a run folder tells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableDetails {
    /// How far it has come.
    pub status: RunStatus,
    /// The folder.
    pub folder: PathBuf,
    /// The trials, best first; none before the run is complete.
    pub leaders: Vec<Leader>,
    /// How the chosen model does; none before the run is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<TableEvaluation>,
}

impl TableDetails {
    /// Reads the run in `folder`; `None` where it is another kind of run.
    ///
    /// # Errors
    /// The folder holds no run, or its files are damaged.
    pub fn read(folder: &Path) -> Result<Option<Self>, TabularError> {
        let recipe = std::fs::read_to_string(folder.join(RECIPE)).unwrap_or_default();
        if !TableRecipe::is_one(&recipe) {
            return Ok(None);
        }
        let run = RunFolder::view(folder);
        let none = || TabularError::run(format!("there is no run in `{}`", folder.display()));
        let status = run.status()?.ok_or_else(none)?;
        let leaders = run.read_json(LEADERBOARD)?.unwrap_or_default();
        let evaluation = run.read_json(EVALUATION)?;
        Ok(Some(Self { status, folder: folder.to_path_buf(), leaders, evaluation }))
    }
}
