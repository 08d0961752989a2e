//! Recipes: what to train, on what, how.
//!
//! A recipe is read by hand rather than derived, so that every mistake is reported at once, each with its key,
//! its value and, for a misspelt key, the nearest right one.

mod layers;
mod parse;
mod settings;

use std::path::{Path, PathBuf};

use serde::Serialize;
use wharf_transform::StagedStep;

pub use settings::{
    BadPictures, BatchConfig, CheckpointConfig, DataConfig, EarlyStop, ExportConfig, InputType, LossConfig,
};

use crate::error::TrainError;
use crate::network::Layer;
use crate::optimiser::OptimiserConfig;
use crate::schedule::ScheduleConfig;

/// What to train, on what, how.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recipe {
    /// The model's name in the repository.
    pub name: String,
    /// What all random numbers are drawn from.
    pub seed: u64,
    /// How often every training picture is shown.
    pub epochs: u32,
    /// Pictures per step.
    pub batch: usize,
    /// What is done to a batch, and to its gradient.
    pub batches: BatchConfig,
    /// When to end before the last epoch.
    pub early_stop: Option<EarlyStop>,
    /// Where the pictures are.
    pub data: DataConfig,
    /// What is done to a picture before the network sees it.
    pub transform: Vec<StagedStep>,
    /// The network.
    pub layers: Vec<Layer>,
    /// What is minimised.
    pub loss: LossConfig,
    /// How parameters follow their gradient.
    pub optimiser: OptimiserConfig,
    /// How the learning rate changes.
    pub schedule: ScheduleConfig,
    /// When the state is saved.
    pub checkpoint: CheckpointConfig,
    /// What the exported model looks like.
    pub export: ExportConfig,
    /// The text it was read from.
    #[serde(skip)]
    pub text: String,
    /// The folder that relative paths start from.
    #[serde(skip)]
    pub folder: PathBuf,
}

impl Recipe {
    /// Reads a recipe; its relative paths start at its own folder.
    ///
    /// # Errors
    /// The file cannot be read, or holds mistakes; all of them are reported.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let text = std::fs::read_to_string(path).map_err(|error| TrainError::io("read", path, error))?;
        let folder = path.parent().unwrap_or(Path::new("")).to_path_buf();
        Self::parse(&text, &folder)
    }

    /// Parses a recipe whose relative paths start at `folder`.
    ///
    /// # Errors
    /// The text holds mistakes; all of them are reported.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, TrainError> {
        parse::recipe(text, folder).map_err(TrainError::recipe)
    }

    /// The folder of the pictures, unless `given` is another.
    pub fn data_path(&self, given: Option<&Path>) -> PathBuf {
        match given {
            Some(path) => path.to_path_buf(),
            None => self.folder.join(&self.data.path),
        }
    }
}

#[cfg(test)]
mod tests;
