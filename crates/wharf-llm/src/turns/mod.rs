//! Turns between the processes of several models: one computes at a time.
//!
//! The threads of a pass wait for each other at every operation, and each thread of a second model that takes a core
//! meanwhile holds all of them up. Passes one after the other take less time than at once, and let waiting threads look for
//! each other longer before they sleep. Measured in `docs/language-models.md`.

mod decoder;
mod files;
mod lanes;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub use decoder::InTurn;
pub use files::{TurnFiles, TurnKeeper};
use lanes::Lanes;

/// How long a pass waits for the others at most. A model that hangs with the turn must not hold up the others; what this
/// costs is that passes longer than it are made at the same time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a process asks for its turns.
#[derive(Debug)]
pub struct Turnstile {
    shared: Arc<Shared>,
    /// Wakes the thread that waits in the system's queue, where waiting has no end that could be set.
    asks: Sender<()>,
    patience: Duration,
}

#[derive(Debug)]
struct Shared {
    lanes: Lanes,
    place: Mutex<Place>,
    changed: Condvar,
}

/// Where this process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    InLine,
    /// In line still, although the pass went ahead.
    GaveUp,
    Inside,
}

/// A turn, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the turn"]
pub struct Turn<'a>(&'a Shared);

impl Turnstile {
    /// Stands in line with all who open these files.
    ///
    /// # Errors
    /// The files are not there, or the system has no thread left.
    pub fn open(files: &TurnFiles) -> io::Result<Self> {
        Self::with_patience(files, PATIENCE)
    }

    fn with_patience(files: &TurnFiles, patience: Duration) -> io::Result<Self> {
        let (lanes, place) = (Lanes::open(files)?, Mutex::new(Place::Outside));
        let shared = Arc::new(Shared { lanes, place, changed: Condvar::new() });
        let (asks, asked) = mpsc::channel();
        let waiting = Arc::clone(&shared);
        thread::Builder::new().name("llm-turns".to_owned()).spawn(move || waiting.stand_in_line(&asked))?;
        Ok(Self { shared, asks, patience })
    }

    /// Waits for the turn. None where it did not come in time: the pass is made all the same.
    pub fn take(&self) -> Option<Turn<'_>> {
        let mut place = self.shared.place();
        if *place == Place::Outside {
            match self.shared.lanes.try_enter() {
                Ok(true) => *place = Place::Inside,
                Ok(false) => {
                    *place = Place::InLine;
                    self.asks.send(()).ok()?;
                }
                Err(error) => {
                    tracing::warn!(%error, "a model cannot wait for its turn and goes ahead");
                    return None;
                }
            }
        }
        let waits = |place: &mut Place| *place == Place::InLine;
        let waited = self.shared.changed.wait_timeout_while(place, self.patience, waits);
        let mut place = waited.unwrap_or_else(PoisonError::into_inner).0;
        match *place {
            Place::Inside => Some(Turn(&self.shared)),
            Place::InLine | Place::GaveUp => {
                *place = Place::GaveUp;
                None
            }
            // The line could not be waited in.
            Place::Outside => None,
        }
    }
}

impl Shared {
    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits in the system's queue whenever it is asked to, until nobody can ask any more.
    fn stand_in_line(&self, asked: &Receiver<()>) {
        while asked.recv().is_ok() {
            let entered = self.lanes.enter();
            let mut place = self.place();
            *place = match (entered, *place) {
                (Ok(()), Place::InLine) => Place::Inside,
                // Nobody waits for it any more.
                (Ok(()), _) => self.left(),
                (Err(error), _) => {
                    tracing::warn!(%error, "a model cannot wait for its turn and goes ahead");
                    Place::Outside
                }
            };
            drop(place);
            self.changed.notify_all();
        }
    }

    fn left(&self) -> Place {
        if let Err(error) = self.lanes.leave() {
            tracing::error!(%error, "a model could not end its turn");
        }
        Place::Outside
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut place = self.0.place();
        *place = self.0.left();
    }
}
