//! How much is logged, which clients of the Open Inference Protocol may ask and change.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::level_filters::LevelFilter;
use wharf_infer::ServiceError;

/// Changes the level in the log itself.
type Change = dyn Fn(LevelFilter) -> Result<(), String> + Send + Sync;

/// The level of the log, and how to change it. The log belongs to whoever started the process, who hands this in.
#[derive(Clone)]
pub struct LogControl {
    level: Arc<Mutex<LevelFilter>>,
    change: Arc<Change>,
}

impl LogControl {
    /// A log that is at `level`, and that `change` sets to another.
    pub fn new(
        level: LevelFilter,
        change: impl Fn(LevelFilter) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { level: Arc::new(Mutex::new(level)), change: Arc::new(change) }
    }

    /// The level that holds.
    pub(crate) fn level(&self) -> LevelFilter {
        *self.level.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the level to what `next` makes of the one that holds.
    ///
    /// # Errors
    /// `next` refuses, or the log does not change.
    pub(crate) fn update(
        &self,
        next: impl FnOnce(LevelFilter) -> Result<LevelFilter, ServiceError>,
    ) -> Result<(), ServiceError> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = next(*level)?;
        if wanted != *level {
            (self.change)(wanted)
                .map_err(|error| ServiceError::internal("the log level could not be changed", error))?;
            *level = wanted;
        }
        Ok(())
    }
}

impl fmt::Debug for LogControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogControl").field("level", &self.level()).finish_non_exhaustive()
    }
}
