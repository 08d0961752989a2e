//! What happens during a run, for whoever watches it.

use std::path::PathBuf;

use serde::Serialize;

use crate::metrics::EpochMetrics;

/// Something that happened; one JSON line each.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The data is open and the first step is about to be made.
    Started {
        /// The run's id.
        run: String,
        /// Its folder.
        folder: PathBuf,
        /// Training pictures.
        pictures: usize,
        /// Pictures that training is watched by.
        evaluation_pictures: usize,
        /// Numbers that are learned.
        parameters: usize,
        /// Epochs of the whole run.
        epochs: u32,
        /// Steps of one epoch.
        steps_per_epoch: u64,
        /// The step that a checkpoint left off at, 0 for a fresh run.
        resumed_at_step: u64,
    },
    /// A picture could not be read and is left out.
    BadPicture {
        /// Its file or place.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A step was made; sent a few times a second at most.
    Step {
        /// The epoch, from 1.
        epoch: u32,
        /// Steps done in the epoch.
        step: u64,
        /// Steps of the epoch.
        steps: u64,
        /// Mean loss of the epoch so far.
        loss: f64,
        /// Share of right answers in the epoch so far.
        accuracy: f64,
        /// The learning rate.
        learning_rate: f64,
        /// Speed in the epoch so far.
        pictures_per_second: f64,
        /// Seconds that the rest of the run will take at this speed.
        seconds_left: f64,
    },
    /// An epoch has ended and was evaluated.
    Epoch(EpochMetrics),
    /// The state was saved.
    Checkpoint {
        /// Steps done.
        step: u64,
        /// The file.
        path: PathBuf,
    },
    /// Training ends before the last epoch, because the evaluation loss falls no more.
    StoppedEarly {
        /// The epoch, from 1.
        epoch: u32,
    },
    /// The caller asked to stop; the state was saved and the run can be resumed.
    Interrupted {
        /// Steps done.
        step: u64,
    },
    /// The run is complete.
    Finished {
        /// Epochs done.
        epochs: u32,
        /// Loss over the evaluation pictures.
        loss: f64,
        /// Share of the evaluation pictures that are classified rightly.
        accuracy: f64,
        /// Seconds of training, over all parts of the run.
        seconds: f64,
    },
}

/// Whoever watches a run.
pub trait Observer: Send {
    /// Called in order, by one thread at a time.
    fn observe(&mut self, event: &Event);
}

impl<F: FnMut(&Event) + Send> Observer for F {
    fn observe(&mut self, event: &Event) {
        self(event);
    }
}
