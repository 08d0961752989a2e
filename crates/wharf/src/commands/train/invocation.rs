//! What `wharf train` was told besides the recipe, kept in the run's folder so that a resumed run needs no flags.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use wharf_train::Recipe;

use crate::whole_file;

const INVOCATION: &str = "invocation.json";
/// The recipe in the folder of a run.
pub(super) const RECIPE: &str = "recipe.toml";
const PUBLISHED: &str = "published";

/// What was said on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invocation {
    /// Where the recipe's relative paths start.
    pub(crate) recipe_folder: PathBuf,
    /// The data, where not the recipe's.
    pub(crate) data: Option<PathBuf>,
    /// Whether the result is published.
    pub(crate) publish: bool,
}

impl Invocation {
    /// Reads what the run in `run_dir` was told.
    pub(crate) fn read(run_dir: &Path) -> anyhow::Result<Self> {
        let path = run_dir.join(INVOCATION);
        let text = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is damaged", path.display()))
    }

    /// Keeps it in `run_dir`.
    pub(crate) fn write(&self, run_dir: &Path) -> anyhow::Result<()> {
        whole_file::write(&run_dir.join(INVOCATION), &serde_json::to_vec_pretty(self)?)
    }

    /// The recipe that the run in `run_dir` follows.
    pub(crate) fn recipe(&self, run_dir: &Path) -> anyhow::Result<Recipe> {
        let path = run_dir.join(RECIPE);
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        Ok(Recipe::parse(&text, &self.recipe_folder)?)
    }
}

/// Keeps the recipe from the first moment on: a run that is killed while it reads its data can be resumed.
pub(super) fn keep_recipe(run_dir: &Path, text: &str) -> anyhow::Result<()> {
    whole_file::write(&run_dir.join(RECIPE), text.as_bytes())
}

/// Notes under which name and version the run was published.
pub(super) fn note_published(run_dir: &Path, model: &str) -> anyhow::Result<()> {
    whole_file::write(&run_dir.join(PUBLISHED), model.as_bytes())
}

/// Under which name and version the run was published, if it was.
pub(super) fn published(run_dir: &Path) -> Option<String> {
    std::fs::read_to_string(run_dir.join(PUBLISHED)).ok()
}
