//! Recipes for tables: what to predict from which columns, among which models to choose, and how.

mod automatic;
mod candidate;
mod parse;
mod settings;

use std::path::{Path, PathBuf};

use serde::Serialize;
use wharf_table::Preparation;

pub use automatic::automatic;
pub use candidate::Candidate;
pub use parse::parse_duration;
pub use settings::{
    FeatureScore, Keep, MissingTarget, SearchKind, SearchSettings, Selection, TableData, TableTask,
    Validation,
};

use crate::TabularError;
use crate::metric::Metric;

/// What to predict from which columns, and how to choose the model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableRecipe {
    /// The model's name in the repository.
    pub name: String,
    /// What all random numbers are drawn from.
    pub seed: u64,
    /// The table.
    pub data: TableData,
    /// How columns become features.
    pub preparation: Preparation,
    /// Which features are left out; none where absent.
    pub selection: Option<Selection>,
    /// Whether all classes count the same, however many rows they have.
    pub balanced: bool,
    /// How trials are compared.
    pub validation: Validation,
    /// What is compared; by the task where absent.
    pub metric: Option<Metric>,
    /// How the search goes on.
    pub search: SearchSettings,
    /// The models to choose among.
    pub candidates: Vec<Candidate>,
    /// The text it was read from.
    #[serde(skip)]
    pub text: String,
    /// The folder that relative paths start from.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl TableRecipe {
    /// Whether a recipe is one for tables: it names a target.
    pub fn is_one(text: &str) -> bool {
        let table: Option<toml::Table> = text.parse().ok();
        let data = table.as_ref().and_then(|table| table.get("data"));
        data.is_some_and(|data| data.get("target").is_some())
    }

    /// Parses a recipe whose relative paths start at `folder`.
    ///
    /// # Errors
    /// The text holds mistakes; all of them are reported.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, TabularError> {
        parse::recipe(text, folder).map_err(TabularError::recipe)
    }

    /// The file of the table, unless `given` is another.
    pub fn data_path(&self, given: Option<&Path>) -> PathBuf {
        match given {
            Some(path) => path.to_path_buf(),
            None => self.folder.join(&self.data.path),
        }
    }
}

#[cfg(test)]
mod tests;
