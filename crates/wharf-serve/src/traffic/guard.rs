//! Watches versions that are new.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::RollbackBounds;

/// Watches one version.
pub(crate) struct Guard {
    pub(crate) model: String,
    pub(crate) version: u64,
    bounds: RollbackBounds,
    counts: [AtomicU64; 3],
}

impl Guard {
    pub(super) fn new(model: &str, version: u64, bounds: RollbackBounds) -> Self {
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
}
