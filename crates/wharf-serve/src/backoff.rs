//! When to try again what has failed.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// The pause after the first failure; it doubles from failure to failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How often something has failed in a row, and when it may be tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    due: Option<Instant>,
}

impl Backoff {
    /// One more failure. `key` spreads the moments of things that failed together.
    pub(crate) fn failed(&mut self, now: Instant, key: impl Hash) {
        self.failures = self.failures.saturating_add(1);
        let doubled = FIRST_PAUSE.saturating_mul(1 << (self.failures - 1).min(16));
        let pause = doubled.min(LONGEST_PAUSE);
        self.due = now.checked_add(pause + pause.mul_f64(spread((key, self.failures))));
    }

    /// What has come of it so far, for people.
    pub(crate) fn report(&self, now: Instant) -> String {
        let pause = self.due.map_or(Duration::ZERO, |due| due.saturating_duration_since(now));
        format!("attempt {} failed, the next is in {:.0} s", self.failures, pause.as_secs_f64().ceil())
    }

    /// Whether it may be tried again.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| due <= now)
    }
}

/// A share of 0 to a quarter.
fn spread(key: impl Hash) -> f64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    (hasher.finish() >> 40) as f64 / f64::from(1 << 24) / 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let start = Instant::now();
        let mut backoff = Backoff::default();
        assert!(backoff.is_due(start));
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            backoff.failed(start, "m");
            let pause = Duration::from_secs(seconds);
            assert!(!backoff.is_due(start + pause - Duration::from_millis(1)), "{seconds}");
            assert!(backoff.is_due(start + pause.mul_f64(1.25)), "{seconds}");
        }
    }

    #[test]
    fn things_that_fail_together_are_not_tried_together() {
        let start = Instant::now();
        let due = |key: u64| {
            let mut backoff = Backoff::default();
            backoff.failed(start, key);
            backoff.due
        };
        let moments: std::collections::HashSet<_> = (0..100).map(due).collect();
        assert!(moments.len() > 90);
    }
}
