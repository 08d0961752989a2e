//! Batching as TensorFlow Serving's and Triton's files describe it, in the settings of this server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wharf_infer::ServiceError;

use crate::{BatchConfig, Padding, QueueConfig, TimeoutAction};

/// What TensorFlow Serving takes where the file does not say.
const TFS_MAX_BATCH_SIZE: i64 = 1000;
const TFS_MAX_ENQUEUED_BATCHES: i64 = 10;

/// TensorFlow Serving's `BatchingParameters`; `None` where the file leaves a field out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the message's fields")]
pub struct BatchingParameters {
    pub max_batch_size: Option<i64>,
    pub batch_timeout_micros: Option<i64>,
    pub max_enqueued_batches: Option<i64>,
    pub num_batch_threads: Option<i64>,
    pub allowed_batch_sizes: Vec<i64>,
    pub pad_variable_length_inputs: bool,
    pub enable_large_batch_splitting: Option<bool>,
    pub max_execution_batch_size: Option<i64>,
}

/// What such parameters mean here.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchingSettings {
    /// How requests are joined.
    pub batching: BatchConfig,
    /// Threads that compute; `None` leaves it to the server.
    pub workers: Option<usize>,
}

impl BatchingParameters {
    /// The same in the settings of this server.
    ///
    /// # Errors
    /// A number is out of its range, the sizes contradict each other, or what is asked for is not done here.
    pub fn settings(&self) -> Result<BatchingSettings, ServiceError> {
        let most = positive("max_batch_size", self.max_batch_size.unwrap_or(TFS_MAX_BATCH_SIZE))?;
        let cuts = self.enable_large_batch_splitting == Some(true);
        let (max_rows, name) = match self.max_execution_batch_size {
            Some(rows) if cuts => (positive("max_execution_batch_size", rows)?, "max_execution_batch_size"),
            Some(_) => {
                let text = "`max_execution_batch_size` is there without `enable_large_batch_splitting`";
                return Err(ServiceError::invalid_argument(text));
            }
            None => (most, "max_batch_size"),
        };
        if max_rows > most {
            let text = format!(
                "`max_execution_batch_size` is {max_rows}, expected at most {most}, `max_batch_size`"
            );
            return Err(ServiceError::invalid_argument(text));
        }
        let batches =
            positive("max_enqueued_batches", self.max_enqueued_batches.unwrap_or(TFS_MAX_ENQUEUED_BATCHES))?;
        let delay = not_negative("batch_timeout_micros", self.batch_timeout_micros.unwrap_or(0))?;
        let allowed = sizes("allowed_batch_sizes", &self.allowed_batch_sizes)?;
        if allowed.last().is_some_and(|last| *last != max_rows) {
            let text = format!("the last of `allowed_batch_sizes` must be `{name}`, which is {max_rows}");
            return Err(ServiceError::invalid_argument(text));
        }
        let queue = QueueConfig::default().with_max_waiting(batches.saturating_mul(max_rows));
        let mut batching = BatchConfig::default()
            .with_max_batch_size(max_rows)
            .with_max_queue_delay(Duration::from_micros(delay))
            .with_only_what_pays(allowed.is_empty() && delay == 0)
            .with_allowed_sizes(allowed)
            .with_queue(queue);
        if cuts {
            batching = batching.with_cuts(most);
        }
        if self.pad_variable_length_inputs {
            batching = batching.with_padding(Padding::with_first_element());
        }
        let threads = self.num_batch_threads.map(|threads| positive("num_batch_threads", threads));
        Ok(BatchingSettings { batching, workers: threads.transpose()? })
    }
}

/// Triton's `ModelDynamicBatching`, with the `max_batch_size` of the model's configuration around it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the message's fields")]
pub struct DynamicBatching {
    pub max_batch_size: i64,
    pub preferred_batch_size: Vec<i64>,
    pub max_queue_delay_microseconds: u64,
    /// Each answer goes to its own call, and a stream is answered in order: there is nothing to do for it.
    pub preserve_ordering: bool,
    pub priority_levels: u64,
    pub default_priority_level: u64,
    pub default_queue_policy: QueuePolicy,
    pub priority_queue_policy: BTreeMap<u64, QueuePolicy>,
}

/// Triton's `ModelQueuePolicy`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the message's fields")]
pub struct QueuePolicy {
    pub timeout_action: TimeoutAction,
    pub default_timeout_microseconds: u64,
    /// The timeout that a client sets counts here whatever this says: nobody waits for its answer afterwards.
    pub allow_timeout_override: bool,
    pub max_queue_size: u64,
}

impl DynamicBatching {
    /// The same in the settings of this server.
    ///
    /// # Errors
    /// A number is out of its range, or sizes or levels contradict each other.
    pub fn settings(&self) -> Result<BatchConfig, ServiceError> {
        let max_rows = not_negative("max_batch_size", self.max_batch_size)?;
        let max_rows = usize::try_from(max_rows).unwrap_or(usize::MAX).max(1);
        let preferred = sizes("preferred_batch_size", &self.preferred_batch_size)?;
        if let Some(size) = preferred.iter().find(|size| **size > max_rows) {
            let text =
                format!("preferred batch size {size} is larger than `max_batch_size`, which is {max_rows}");
            return Err(ServiceError::invalid_argument(text));
        }
        let (levels, default) = (self.priority_levels, self.default_priority_level);
        if levels > 0 && !(1..=levels).contains(&default) {
            let text = format!("`default_priority_level` is {default}, expected 1 to {levels}");
            return Err(ServiceError::invalid_argument(text));
        }
        if let Some(other) = self.priority_queue_policy.keys().find(|key| !(1..=levels).contains(*key)) {
            let text = format!("`priority_queue_policy` is for level {other}, expected 1 to {levels}");
            return Err(ServiceError::invalid_argument(text));
        }
        let level = |value| u32::try_from(value).unwrap_or(u32::MAX - 1);
        let batching = BatchConfig::default()
            .with_max_batch_size(max_rows)
            .with_max_queue_delay(Duration::from_micros(self.max_queue_delay_microseconds))
            // Whoever says what they want gets it; otherwise what pays is learnt.
            .with_only_what_pays(preferred.is_empty() && self.max_queue_delay_microseconds == 0)
            .with_preferred_sizes(preferred)
            .with_priority_levels(level(levels), level(default))
            .with_queue(self.default_queue_policy.settings());
        let policies = self.priority_queue_policy.iter();
        Ok(policies.fold(batching, |batching, (key, policy)| {
            batching.with_priority_queue(level(*key), policy.settings())
        }))
    }
}

impl QueuePolicy {
    fn settings(&self) -> QueueConfig {
        let queue = QueueConfig::default().with_max_waiting(match self.max_queue_size {
            0 => usize::MAX,
            size => usize::try_from(size).unwrap_or(usize::MAX),
        });
        match self.default_timeout_microseconds {
            0 => queue,
            micros => queue.with_timeout(Duration::from_micros(micros), self.timeout_action),
        }
    }
}

fn positive(name: &str, value: i64) -> Result<usize, ServiceError> {
    let wrong = || ServiceError::invalid_argument(format!("`{name}` is {value}, expected at least 1"));
    usize::try_from(value).ok().filter(|value| *value > 0).ok_or_else(wrong)
}

fn not_negative(name: &str, value: i64) -> Result<u64, ServiceError> {
    u64::try_from(value)
        .map_err(|_| ServiceError::invalid_argument(format!("`{name}` is {value}, expected at least 0")))
}

/// Triton takes them in any order, TensorFlow Serving ascending: as a set they mean the same.
fn sizes(name: &str, values: &[i64]) -> Result<BTreeSet<usize>, ServiceError> {
    values.iter().map(|value| positive(name, *value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_tensorflow_serving_are_settings() {
        let parameters = BatchingParameters {
            max_batch_size: Some(128),
            batch_timeout_micros: Some(1500),
            max_enqueued_batches: Some(4),
            num_batch_threads: Some(3),
            allowed_batch_sizes: vec![32, 64, 128],
            ..BatchingParameters::default()
        };
        let BatchingSettings { batching, workers } = parameters.settings().unwrap();
        assert_eq!(
            (batching.max_batch_size, batching.max_queue_delay.as_micros(), workers),
            (128, 1500, Some(3))
        );
        assert_eq!((&batching.allowed_sizes[..], batching.queue.max_waiting), (&[32, 64, 128][..], 512));
        let defaults = BatchingParameters::default().settings().unwrap();
        assert_eq!((defaults.batching.max_batch_size, defaults.batching.queue.max_waiting), (1000, 10_000));
        assert_eq!((defaults.batching.max_queue_delay, defaults.workers), (Duration::ZERO, None));
    }

    #[test]
    fn large_batches_are_cut_and_lengths_made_alike_where_asked_for() {
        let parameters = BatchingParameters {
            max_batch_size: Some(64),
            enable_large_batch_splitting: Some(true),
            max_execution_batch_size: Some(16),
            allowed_batch_sizes: vec![4, 16],
            pad_variable_length_inputs: true,
            ..BatchingParameters::default()
        };
        let batching = parameters.settings().unwrap().batching;
        assert_eq!((batching.max_batch_size, batching.cut_up_to), (16, Some(64)));
        assert_eq!(batching.padding, Some(Padding::with_first_element()));
        let whole = BatchingParameters {
            enable_large_batch_splitting: Some(true),
            max_batch_size: Some(64),
            ..BatchingParameters::default()
        };
        let batching = whole.settings().unwrap().batching;
        assert_eq!((batching.max_batch_size, batching.cut_up_to, batching.padding), (64, Some(64), None));
    }

    #[test]
    fn parameters_of_tensorflow_serving_that_cannot_be_are_named() {
        let none = BatchingParameters::default;
        for (parameters, expected) in [
            (BatchingParameters { max_batch_size: Some(0), ..none() }, "`max_batch_size` is 0"),
            (BatchingParameters { batch_timeout_micros: Some(-1), ..none() }, "`batch_timeout_micros` is -1"),
            (BatchingParameters { num_batch_threads: Some(0), ..none() }, "`num_batch_threads` is 0"),
            (BatchingParameters { max_enqueued_batches: Some(-2), ..none() }, "`max_enqueued_batches` is -2"),
            (BatchingParameters { allowed_batch_sizes: vec![8, 16], ..none() }, "must be `max_batch_size`"),
            (BatchingParameters { allowed_batch_sizes: vec![0], ..none() }, "`allowed_batch_sizes` is 0"),
            (
                BatchingParameters { max_execution_batch_size: Some(8), ..none() },
                "without `enable_large_batch_splitting`",
            ),
            (
                BatchingParameters {
                    enable_large_batch_splitting: Some(true),
                    max_batch_size: Some(8),
                    max_execution_batch_size: Some(9),
                    ..none()
                },
                "`max_execution_batch_size` is 9, expected at most 8",
            ),
            (
                BatchingParameters {
                    enable_large_batch_splitting: Some(true),
                    max_execution_batch_size: Some(8),
                    allowed_batch_sizes: vec![4, 16],
                    ..none()
                },
                "must be `max_execution_batch_size`, which is 8",
            ),
        ] {
            let error = parameters.settings().unwrap_err();
            assert!(error.message().contains(expected), "{error}");
        }
    }

    #[test]
    fn dynamic_batching_of_triton_is_settings() {
        let policy = QueuePolicy {
            timeout_action: TimeoutAction::Delay,
            default_timeout_microseconds: 2000,
            max_queue_size: 7,
            ..QueuePolicy::default()
        };
        let triton = DynamicBatching {
            max_batch_size: 16,
            preferred_batch_size: vec![8, 4],
            max_queue_delay_microseconds: 100,
            priority_levels: 3,
            default_priority_level: 2,
            default_queue_policy: policy,
            ..DynamicBatching::default()
        };
        let batching = triton.settings().unwrap();
        assert_eq!((batching.max_batch_size, batching.preferred_sizes.as_slice()), (16, &[4, 8][..]));
        assert_eq!((batching.rank(1), batching.rank(0), batching.rank(9)), (1, 2, 2));
        assert_eq!(batching.max_queue_delay, Duration::from_micros(100));
        let timeout = Some((Duration::from_millis(2), TimeoutAction::Delay));
        assert_eq!((batching.queue.max_waiting, batching.queue.timeout), (7, timeout));
        let plain = DynamicBatching { max_batch_size: 0, ..DynamicBatching::default() }.settings().unwrap();
        assert_eq!(
            (plain.max_batch_size, plain.queue.max_waiting, plain.queue.timeout),
            (1, usize::MAX, None)
        );
    }

    #[test]
    fn dynamic_batching_that_cannot_be_is_named() {
        let some = || DynamicBatching { max_batch_size: 4, ..DynamicBatching::default() };
        for (triton, expected) in [
            (DynamicBatching { max_batch_size: -1, ..some() }, "`max_batch_size` is -1"),
            (DynamicBatching { preferred_batch_size: vec![8], ..some() }, "preferred batch size 8 is larger"),
            (DynamicBatching { preferred_batch_size: vec![0], ..some() }, "`preferred_batch_size` is 0"),
            (
                DynamicBatching {
                    priority_levels: 2,
                    default_priority_level: 1,
                    priority_queue_policy: [(3, QueuePolicy::default())].into(),
                    ..some()
                },
                "`priority_queue_policy` is for level 3, expected 1 to 2",
            ),
            (
                DynamicBatching { priority_levels: 2, ..some() },
                "`default_priority_level` is 0, expected 1 to 2",
            ),
        ] {
            let error = triton.settings().unwrap_err();
            assert!(error.message().contains(expected), "{error}");
        }
    }
}
