//! How requests that name no version are spread over the versions of a model.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wharf_infer::ServiceError;

use crate::served::ServedModel;

/// How the requests of a model that name no version are spread over its versions. These versions are served
/// whatever the policy says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Parts of the requests by version; a version that does not answer gives its part to the others.
    pub weights: BTreeMap<u64, u32>,
    /// When a version with less than the greatest part loses it.
    pub rollback: Option<RollbackBounds>,
}

/// What a new version must keep to. Judged over so many of its requests at a time, whoever asked for it and how.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RollbackBounds {
    /// Requests per judgement; at least 1.
    pub window: u64,
    /// The greatest part of them, 0 to 1, that may fail by no fault of the client.
    pub max_error_rate: f64,
    /// What 99 of 100 must stay below.
    pub max_p99: Option<Duration>,
}

impl Traffic {
    /// With this part of the requests for a version.
    #[must_use]
    pub fn with_weight(mut self, version: u64, weight: u32) -> Self {
        self.weights.insert(version, weight);
        self
    }

    /// With these bounds for the versions that do not have the greatest part.
    #[must_use]
    pub fn with_rollback(mut self, bounds: RollbackBounds) -> Self {
        self.rollback = Some(bounds);
        self
    }

    /// All requests to one version.
    pub(crate) fn only(version: u64) -> Self {
        Self::default().with_weight(version, 1)
    }

    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        if self.weights.values().all(|weight| *weight == 0) {
            return Err(ServiceError::invalid_argument("no version has a part of the requests"));
        }
        let is_rate = self.rollback.is_none_or(|bounds| (0.0..=1.0).contains(&bounds.max_error_rate));
        match is_rate {
            true => Ok(()),
            false => Err(ServiceError::invalid_argument("the error rate is not between 0 and 1")),
        }
    }

    /// The version with the greatest part, the older of two.
    fn steady(&self) -> Option<u64> {
        let greatest = *self.weights.values().max()?;
        self.weights.iter().find(|(_, weight)| **weight == greatest).map(|(version, _)| *version)
    }

    /// Who watches which version.
    pub(crate) fn guards(&self, model: &str) -> BTreeMap<u64, Arc<Guard>> {
        let steady = self.steady();
        let watched = self.weights.keys().filter(|version| Some(**version) != steady);
        let guards = self.rollback.map(|bounds| {
            watched.map(|version| (*version, Arc::new(Guard::new(model, *version, bounds)))).collect()
        });
        guards.unwrap_or_default()
    }
}

impl RollbackBounds {
    /// Judged over `window` requests, of which this part may fail.
    pub fn new(window: u64, max_error_rate: f64) -> Self {
        Self { window: window.max(1), max_error_rate, max_p99: None }
    }

    /// And 99 of 100 must be answered within this time.
    #[must_use]
    pub fn with_max_p99(mut self, limit: Duration) -> Self {
        self.max_p99 = Some(limit);
        self
    }
}

/// The versions that share the requests, as they answered at one moment.
pub(crate) struct Split {
    /// Each with the end of its part.
    parts: Vec<(u64, Arc<ServedModel>)>,
    turn: AtomicU64,
}

impl Split {
    /// `None` where none of the weighted versions answers.
    pub(crate) fn new(answering: impl Iterator<Item = (u32, Arc<ServedModel>)>) -> Option<Self> {
        let mut end = 0;
        let parts: Vec<_> = answering
            .filter(|(weight, _)| *weight > 0)
            .map(|(weight, served)| {
                end += u64::from(weight);
                (end, served)
            })
            .collect();
        (!parts.is_empty()).then(|| Self { parts, turn: AtomicU64::new(0) })
    }

    /// The version for the next request; for one with a key, the version of that key.
    pub(crate) fn pick(&self, key: Option<&str>) -> Option<&Arc<ServedModel>> {
        let point = key.map_or_else(|| spread(self.turn.fetch_add(1, Ordering::Relaxed)), hash);
        let total = self.parts.last()?.0;
        let place = (u128::from(point) * u128::from(total)) >> 64;
        self.parts.iter().find(|(end, _)| place < u128::from(*end)).map(|(_, served)| served)
    }
}

/// Multiples of the golden ratio cover a circle evenly at every moment: ten requests at 10 % reach the new version
/// once, not perhaps.
fn spread(turn: u64) -> u64 {
    turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

/// Watches one version.
pub(crate) struct Guard {
    pub(crate) model: String,
    pub(crate) version: u64,
    bounds: RollbackBounds,
    counts: [AtomicU64; 3],
}

impl Guard {
    fn new(model: &str, version: u64, bounds: RollbackBounds) -> Self {
        Self { model: model.to_owned(), version, bounds, counts: Default::default() }
    }

    /// One more answer. Says what is broken as soon as it is certain of this window: the rest of it could not mend
    /// it. Answers that arrive while a window ends may count into either.
    pub(crate) fn record(&self, has_failed: bool, elapsed: Duration) -> Option<String> {
        let [all, failed, slow] = &self.counts;
        let window = self.bounds.window.max(1);
        let add = |count: &AtomicU64, is_one: bool| {
            count.fetch_add(u64::from(is_one), Ordering::Relaxed) + u64::from(is_one)
        };
        let failures = add(failed, has_failed);
        let late = add(slow, self.bounds.max_p99.is_some_and(|limit| elapsed >= limit));
        if add(all, true) >= window {
            self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        }
        let part = |count: u64| count as f64 / window as f64;
        if failures > 0 && part(failures) > self.bounds.max_error_rate {
            let limit = self.bounds.max_error_rate * 100.0;
            return Some(format!("{failures} of {window} requests failed, expected {limit} % at most"));
        }
        let limit = self.bounds.max_p99.filter(|_| late > 0 && part(late) > 0.01)?;
        Some(format!("{late} of {window} requests took {limit:?} or longer, expected 1 % at most"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guards_judge_windows() {
        let fast = Duration::from_millis(1);
        let bounds = RollbackBounds::new(100, 0.02).with_max_p99(Duration::from_millis(10));
        let guard = Guard::new("m", 2, bounds);
        for _ in 0..10 {
            // Two in a hundred are within the bound, window after window; so is a slow one.
            for number in 0..100 {
                let elapsed = if number == 7 { Duration::from_secs(1) } else { fast };
                assert_eq!(guard.record(number < 2, elapsed), None);
            }
        }
        assert_eq!(guard.record(true, fast), None);
        assert_eq!(guard.record(true, fast), None);
        let broken = guard.record(true, fast).unwrap();
        assert_eq!(broken, "3 of 100 requests failed, expected 2 % at most");
        let guard = Guard::new("m", 2, bounds);
        assert_eq!(guard.record(false, Duration::from_millis(10)), None);
        let broken = guard.record(false, Duration::from_millis(10)).unwrap();
        assert_eq!(broken, "2 of 100 requests took 10ms or longer, expected 1 % at most");
    }

    #[test]
    fn the_greatest_part_is_not_watched() {
        let traffic = Traffic::default().with_weight(1, 90).with_weight(2, 10);
        assert!(traffic.guards("m").is_empty(), "no bounds");
        let traffic = traffic.with_rollback(RollbackBounds::new(10, 0.0));
        assert_eq!(traffic.guards("m").into_keys().collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn turns_keep_to_the_parts() {
        let first = (0..1000).filter(|turn| spread(*turn) < u64::MAX / 10).count();
        assert!((99..=101).contains(&first), "{first}");
    }
}
