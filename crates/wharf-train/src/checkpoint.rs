//! The state of a run on disk: enough to go on to the same bits.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::gradient::Accumulator;
use crate::schedule::PlateauState;
use crate::trainer::Trainer;

/// Where a run stands. Sums are kept as bits, so that reading gives back exactly what was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Digest of the recipe that the run follows.
    pub(crate) recipe_sha256: String,
    /// Steps done in the whole run.
    pub(crate) step: u64,
    /// Epochs completed.
    pub(crate) epoch: u32,
    /// Batches done in the current epoch.
    pub(crate) batch: usize,
    /// Pictures seen in the current epoch.
    pub(crate) seen: u64,
    /// Of them, those classified rightly.
    pub(crate) correct: u64,
    loss_sum_bits: u64,
    epoch_seconds_bits: u64,
    total_seconds_bits: u64,
    best_loss_bits: Option<u64>,
    /// Epochs since the lowest evaluation loss.
    pub(crate) since_best: u32,
    /// The plateaus of the evaluation loss so far.
    #[serde(default)]
    pub(crate) plateau: PlateauState,
    /// Pictures whose gradients wait for the optimiser; set when a checkpoint is written.
    #[serde(default)]
    waiting: u64,
}

impl Progress {
    /// The beginning of a run of this recipe.
    pub(crate) fn new(recipe_sha256: String) -> Self {
        Self { recipe_sha256, ..Self::default() }
    }

    pub(crate) fn loss_sum(&self) -> f64 {
        f64::from_bits(self.loss_sum_bits)
    }

    pub(crate) fn add_loss(&mut self, loss: f64) {
        self.loss_sum_bits = (self.loss_sum() + loss).to_bits();
    }

    pub(crate) fn epoch_seconds(&self) -> f64 {
        f64::from_bits(self.epoch_seconds_bits)
    }

    pub(crate) fn total_seconds(&self) -> f64 {
        f64::from_bits(self.total_seconds_bits)
    }

    pub(crate) fn add_seconds(&mut self, seconds: f64) {
        self.epoch_seconds_bits = (self.epoch_seconds() + seconds).to_bits();
        self.total_seconds_bits = (self.total_seconds() + seconds).to_bits();
    }

    pub(crate) fn best_loss(&self) -> Option<f64> {
        self.best_loss_bits.map(f64::from_bits)
    }

    pub(crate) fn set_best_loss(&mut self, loss: f64) {
        self.best_loss_bits = Some(loss.to_bits());
    }

    /// Begins the next epoch.
    pub(crate) fn end_epoch(&mut self) {
        self.epoch += 1;
        (self.batch, self.seen, self.correct) = (0, 0, 0);
        (self.loss_sum_bits, self.epoch_seconds_bits) = (0.0_f64.to_bits(), 0.0_f64.to_bits());
    }
}

/// The folder of a run's checkpoints.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

/// The state at the lowest evaluation loss, for runs that may stop early.
const BEST: &str = "best.safetensors";
const PARAMETERS: &str = "parameters";
const BUFFERS: &str = "buffers";
/// The sum of gradients that wait for the optimiser; nothing where none do.
const WAITING: &str = "waiting";

impl Checkpoints {
    pub(crate) fn new(run_dir: &Path, keep: usize) -> Result<Self, TrainError> {
        let folder = run_dir.join("checkpoints");
        wharf_runs::create_folder(&folder)?;
        Ok(Self { folder, keep: keep.max(1) })
    }

    /// Saves the state and deletes the oldest checkpoints beyond those that are kept.
    pub(crate) fn save(&self, trainer: &Trainer, progress: &Progress) -> Result<PathBuf, TrainError> {
        let path = self.folder.join(format!("step-{:010}.safetensors", progress.step));
        wharf_runs::write_atomically(&path, &encode(trainer, progress)?)?;
        for (_, old) in self.list()?.into_iter().rev().skip(self.keep) {
            fs::remove_file(&old).map_err(|error| TrainError::io("remove", &old, error))?;
        }
        Ok(path)
    }

    /// Loads the newest checkpoint that is whole into `trainer`; `None` where there is no checkpoint.
    pub(crate) fn load_newest(&self, trainer: &mut Trainer) -> Result<Option<Progress>, TrainError> {
        let mut problem = None;
        for (_, path) in self.list()?.into_iter().rev() {
            match decode(&wharf_runs::read(&path)?, trainer) {
                Ok(progress) => return Ok(Some(progress)),
                Err(reason) => {
                    problem.get_or_insert(format!("checkpoint `{}` {reason}", path.display()));
                }
            }
        }
        problem.map_or(Ok(None), |problem| Err(TrainError::run(problem)))
    }

    /// Keeps the state as the best so far.
    pub(crate) fn save_best(&self, trainer: &Trainer, progress: &Progress) -> Result<(), TrainError> {
        Ok(wharf_runs::write_atomically(&self.folder.join(BEST), &encode(trainer, progress)?)?)
    }

    /// Loads the best state so far into `trainer`.
    pub(crate) fn load_best(&self, trainer: &mut Trainer) -> Result<(), TrainError> {
        let path = self.folder.join(BEST);
        let loaded = decode(&wharf_runs::read(&path)?, trainer);
        loaded.map(drop).map_err(|reason| TrainError::run(format!("`{}` {reason}", path.display())))
    }

    /// All checkpoints by step, oldest first.
    fn list(&self) -> Result<Vec<(u64, PathBuf)>, TrainError> {
        let problem = |error| TrainError::io("list", &self.folder, error);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(problem)? {
            let entry = entry.map_err(problem)?;
            let name = entry.file_name();
            let step = name.to_str().and_then(|name| {
                name.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse::<u64>().ok()
            });
            found.extend(step.map(|step| (step, entry.path())));
        }
        found.sort();
        Ok(found)
    }
}

fn encode(trainer: &Trainer, progress: &Progress) -> Result<Vec<u8>, TrainError> {
    let to_run_error =
        |error: &dyn std::error::Error| TrainError::run(format!("cannot save the state: {error}"));
    let progress = Progress { waiting: trainer.waiting.pictures, ..progress.clone() };
    let json = serde_json::to_string(&progress).map_err(|error| to_run_error(&error))?;
    let steps = trainer.optimiser.steps.to_string();
    let bytes = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let mut tensors = vec![
        (PARAMETERS.to_owned(), bytes(&trainer.network.parameters)),
        (BUFFERS.to_owned(), bytes(&trainer.network.buffers)),
    ];
    let slots = trainer.optimiser.slots.iter().enumerate();
    tensors.extend(slots.map(|(slot, values)| (slot_name(slot), bytes(values))));
    if trainer.accumulates() {
        tensors.push((WAITING.to_owned(), bytes(&trainer.waiting.sum)));
    }
    let views = tensors.iter().map(|(name, bytes)| {
        TensorView::new(Dtype::F32, vec![bytes.len() / 4], bytes).map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>().map_err(|error| to_run_error(&error))?;
    // One entry only: the map's order would otherwise decide the bytes.
    let metadata = HashMap::from([("state".to_owned(), format!("{steps} {json}"))]);
    serialize(views, Some(metadata)).map_err(|error| to_run_error(&error))
}

fn slot_name(slot: usize) -> String {
    format!("optimiser.{slot}")
}

/// Reads a checkpoint into `trainer`; changes nothing where it does not fit.
fn decode(content: &[u8], trainer: &mut Trainer) -> Result<Progress, String> {
    let damaged = |error: &dyn std::error::Error| format!("is damaged: {error}");
    let (_, metadata) = SafeTensors::read_metadata(content).map_err(|error| damaged(&error))?;
    let file = SafeTensors::deserialize(content).map_err(|error| damaged(&error))?;
    let state = metadata.metadata().as_ref().and_then(|map| map.get("state")).ok_or("holds no state")?;
    let (steps, json) = state.split_once(' ').ok_or("holds no state")?;
    let steps: u64 = steps.parse().map_err(|_| "holds no step count")?;
    let progress: Progress = serde_json::from_str(json).map_err(|error| damaged(&error))?;
    let read = |name: &str, length: usize| {
        let view = file.tensor(name).map_err(|error| damaged(&error))?;
        let values: Vec<f32> =
            view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if view.dtype() == Dtype::F32 && values.len() == length {
            Ok(values)
        } else {
            Err(format!("does not fit: `{name}` has {} numbers, expected {length}", values.len()))
        }
    };
    let parameters = read(PARAMETERS, trainer.network.parameters.len())?;
    let buffers = read(BUFFERS, trainer.network.buffers.len())?;
    let slots = (0..trainer.optimiser.slots.len()).map(|slot| read(&slot_name(slot), parameters.len()));
    let slots = slots.collect::<Result<Vec<_>, String>>()?;
    let sum = match (trainer.accumulates(), progress.waiting) {
        (true, 1..) => read(WAITING, parameters.len())?,
        _ => Vec::new(),
    };
    trainer.waiting = Accumulator { sum, pictures: progress.waiting };
    trainer.optimiser.slots = slots;
    trainer.optimiser.steps = steps;
    (trainer.network.parameters, trainer.network.buffers) = (parameters, buffers);
    Ok(progress)
}
