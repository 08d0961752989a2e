//! What is counted of requests between their arrival and their answer.
//!
//! Each loaded version has its own numbers, which requests reach through the version that they are routed to: nothing
//! is looked up by name, and a name that only a client knows counts as [`UNKNOWN`]. They end when the version is
//! unloaded.

mod aliases;
mod cache;
mod call;
mod collect;
mod language;
mod model;
mod sequences;
mod statistics;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wharf_bundle::Signature;
use wharf_infer::{Deadline, ErrorCode, ServiceError};
use wharf_metrics::{BoundedHistogram, Counter, TimeCounter};

pub(crate) use call::Call;
pub(crate) use collect::collector;
pub(crate) use model::{ModelMetrics, Waits};
pub use statistics::{BatchStatistics, CountAndTime, ModelStatistics};

/// The model label of requests for models that there are not. No model can have it: names begin with a letter or a
/// digit.
pub const UNKNOWN: &str = "_unknown";

/// Nanoseconds in the microseconds of TensorFlow Serving.
const MICROS: f64 = 1e-3;

/// The numbers of one server.
pub(crate) struct ServeMetrics {
    /// Those of a version are there for as long as it is loaded.
    models: Mutex<BTreeMap<(String, u64), Weak<ModelMetrics>>>,
    /// Of every model that was ever loaded, or failed to.
    lives: Mutex<BTreeMap<String, Arc<LifeMetrics>>>,
    /// Requests that were routed to no version.
    unrouted: StatusCounters,
    joined: Arc<Joined>,
    clock: Clock,
}

/// What became of the versions of a model, and what all of them ran.
#[derive(Debug)]
pub(crate) struct LifeMetrics {
    pub(crate) loads: TimeCounter,
    pub(crate) failures: Counter,
    pub(crate) unloads: Counter,
    pub(crate) rollbacks: Counter,
    /// Runs of the engine, once for every request in them, under the bounds of TensorFlow Serving.
    runtime: BoundedHistogram,
}

/// What is counted over all models, as TensorFlow Serving has it.
#[derive(Debug)]
struct Joined {
    /// From joining the line to leaving it.
    waits: BoundedHistogram,
    runs: Counter,
}

/// How many requests ended in which way.
#[derive(Debug, Default)]
pub struct StatusCounters {
    ok: Counter,
    errors: [Counter; ErrorCode::ALL.len()],
}

/// Turns moments into times of day: one reading of the system's clock, at the start, instead of one per request.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    moment: Instant,
    since_epoch_millis: u64,
}

impl Default for LifeMetrics {
    fn default() -> Self {
        Self {
            loads: TimeCounter::default(),
            failures: Counter::default(),
            unloads: Counter::default(),
            rollbacks: Counter::default(),
            runtime: BoundedHistogram::exponential(10.0, 1.8, 33, MICROS),
        }
    }
}

impl Default for Joined {
    fn default() -> Self {
        Self { waits: BoundedHistogram::exponential(100.0, 1.2, 52, MICROS), runs: Counter::default() }
    }
}

impl Default for ServeMetrics {
    fn default() -> Self {
        let (models, lives) = (Mutex::default(), Mutex::default());
        let joined = Arc::default();
        Self { models, lives, unrouted: StatusCounters::default(), joined, clock: Clock::now() }
    }
}

impl ServeMetrics {
    /// New numbers for a version that is being loaded.
    pub(crate) fn model(
        &self,
        name: &str,
        version: u64,
        signatures: &BTreeMap<String, Signature>,
    ) -> Arc<ModelMetrics> {
        let life = self.life_of(name);
        let metrics = Arc::new(ModelMetrics::new(
            name,
            version,
            signatures,
            (life, Arc::clone(&self.joined)),
            self.clock,
        ));
        self.lock().insert((name.to_owned(), version), Arc::downgrade(&metrics));
        metrics
    }

    /// What became of the versions of a model.
    pub(crate) fn life_of(&self, name: &str) -> Arc<LifeMetrics> {
        let mut lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lives.entry(name.to_owned()).or_default())
    }

    /// The same of all models, sorted.
    fn lives(&self) -> Vec<(String, Arc<LifeMetrics>)> {
        let lives = self.lives.lock().unwrap_or_else(PoisonError::into_inner);
        lives.iter().map(|(name, life)| (name.clone(), Arc::clone(life))).collect()
    }

    /// A request arrives.
    pub(crate) fn call(&self, deadline: Deadline) -> Call<'_> {
        Call::new(&self.unrouted, deadline)
    }

    /// The loaded versions, sorted.
    fn loaded(&self) -> Vec<Arc<ModelMetrics>> {
        let mut models = self.lock();
        models.retain(|_, metrics| metrics.strong_count() > 0);
        models.values().filter_map(Weak::upgrade).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u64), Weak<ModelMetrics>>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StatusCounters {
    /// One more that ended like this.
    pub fn count<T>(&self, answer: &Result<T, ServiceError>) {
        match answer {
            Ok(_) => self.ok.increment(),
            Err(error) => self.count_error(error.code()),
        }
    }

    /// One more that ended in an error.
    pub fn count_error(&self, code: ErrorCode) {
        if let Some(index) = ErrorCode::ALL.iter().position(|known| *known == code) {
            self.errors[index].increment();
        }
    }

    /// How many succeeded.
    pub fn ok(&self) -> u64 {
        self.ok.get()
    }

    /// The errors that there were, and how many of each.
    pub fn errors(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        let errors = ErrorCode::ALL.iter().zip(&self.errors);
        errors.map(|(code, counter)| (*code, counter.get())).filter(|(_, count)| *count > 0)
    }
}

impl Clock {
    fn now() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since_epoch_millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        Self { moment: Instant::now(), since_epoch_millis }
    }

    /// Milliseconds since the epoch at `moment`.
    fn millis_at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.moment).as_millis();
        self.since_epoch_millis.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}
