//! The same numbers, as statistics of a model.

use wharf_infer::{ErrorCode, ServiceError};
use wharf_metrics::{Histogram, TimeCounter};

use super::{ModelMetrics, ServeMetrics};

/// What was counted of one version since it was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelStatistics {
    /// The model.
    pub name: String,
    /// The version.
    pub version: u64,
    /// When the last run succeeded, in milliseconds since the epoch; 0 where none did.
    pub last_inference_millis: u64,
    /// Rows that were computed: those of a batch count each.
    pub inference_count: u64,
    /// Runs of the engine.
    pub execution_count: u64,
    /// Requests that succeeded, from arrival to answer.
    pub success: CountAndTime,
    /// Requests that failed, from arrival to answer.
    pub fail: CountAndTime,
    /// From arrival to the start of a run.
    pub queue: CountAndTime,
    /// Runs of the engine, once for every request in them. Inputs and outputs are not copied before or after, so there is no time for those.
    pub compute: CountAndTime,
    /// Requests that were answered as one before: looking that up.
    pub cache_hit: CountAndTime,
    /// Those that were not, though answers are remembered: looking, and remembering the answer.
    pub cache_miss: CountAndTime,
    /// Runs by their number of rows.
    pub batches: Vec<BatchStatistics>,
}

/// How often something happened and how long it took in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CountAndTime {
    /// How often.
    pub count: u64,
    /// How long in all, in nanoseconds.
    pub nanos: u64,
}

/// Runs with the same number of rows. Those with more than 128 rows are not listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStatistics {
    /// The number of rows.
    pub rows: u64,
    /// The runs.
    pub compute: CountAndTime,
}

impl From<&Histogram> for CountAndTime {
    fn from(histogram: &Histogram) -> Self {
        Self { count: histogram.count(), nanos: histogram.sum() }
    }
}

impl From<&TimeCounter> for CountAndTime {
    fn from(counter: &TimeCounter) -> Self {
        Self { count: counter.count(), nanos: counter.nanos() }
    }
}

impl ServeMetrics {
    pub(crate) fn statistics(
        &self,
        name: Option<&str>,
        version: Option<i64>,
    ) -> Result<Vec<ModelStatistics>, ServiceError> {
        let is_wanted = |model: &ModelMetrics| {
            name.is_none_or(|name| name == model.name)
                && version.is_none_or(|version| i64::try_from(model.version) == Ok(version))
        };
        let loaded = self.loaded();
        let wanted = loaded.iter().filter(|model| is_wanted(model));
        let statistics: Vec<_> = wanted.map(|model| ModelStatistics::of(model)).collect();
        match name {
            Some(name) if statistics.is_empty() => {
                let shown: String = name.chars().take(256).collect();
                let which = version.map_or_else(String::new, |version| format!(", version {version},"));
                let text = format!("model `{shown}`{which} is not loaded");
                Err(ServiceError::new(ErrorCode::NotFound, text))
            }
            _ => Ok(statistics),
        }
    }
}

impl ModelStatistics {
    fn of(model: &ModelMetrics) -> Self {
        let runs = model.runs_by_rows.iter().enumerate().filter(|(_, runs)| runs.count() > 0);
        Self {
            name: model.name.clone(),
            version: model.version,
            last_inference_millis: model.last_run_millis.get().unsigned_abs(),
            inference_count: model.rows.get(),
            execution_count: model.compute.count(),
            success: (&model.requests).into(),
            fail: (&model.failures).into(),
            queue: (&model.queue).into(),
            compute: (&model.computed).into(),
            cache_hit: (&model.cache_hits).into(),
            cache_miss: (&model.cache_misses).into(),
            batches: runs
                .map(|(rows, runs)| BatchStatistics { rows: rows as u64, compute: runs.into() })
                .collect(),
        }
    }
}
