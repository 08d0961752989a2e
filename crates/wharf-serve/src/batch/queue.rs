//! How many may wait for a model, and for how long.

use std::time::Duration;

/// Under overload a request may expect to wait for as long as this many like it take.
const OVERLOAD_RUNS: u32 = 8;
/// And at least for so long: below, threads that are late by a little would look like a queue.
const LEAST_WAIT: Duration = Duration::from_millis(20);
/// Of those that were let in on the promise of a wait, what has waited for this many times as long is dropped.
const BROKEN_PROMISE: u32 = 2;

/// How many requests may wait for one model, and for how long.
///
/// Callers that ask again once they are answered may all wait: their queue does not grow. One that grows to its limit
/// is an overload; then only those are let in that wait for a short time, so that answers come in time to be of use,
/// and whoever has waited for much longer is dropped. That ends when nobody has been refused for a second.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueConfig {
    /// Requests that may wait for this model. One more is refused as overloaded.
    pub max_waiting: usize,
    /// The longest wait that a request may expect, overload or not; `None` sets no limit.
    pub max_wait: Option<Duration>,
    /// The longest wait that a request may expect under overload; `None`: for as long as eight like it take, and at
    /// least 20 ms.
    pub overload_wait: Option<Duration>,
    /// After how long in the queue what becomes of a request; `None` leaves it to the deadlines of the callers.
    pub timeout: Option<(Duration, TimeoutAction)>,
}

/// What becomes of a request that has been in the queue for too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeoutAction {
    /// It fails.
    #[default]
    Reject,
    /// It lets all others go first.
    Delay,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self { max_waiting: 512, max_wait: None, overload_wait: None, timeout: None }
    }
}

impl QueueConfig {
    /// With this many waiting at most.
    #[must_use]
    pub fn with_max_waiting(mut self, requests: usize) -> Self {
        self.max_waiting = requests;
        self
    }

    /// With nobody let in who would wait for longer.
    #[must_use]
    pub fn with_max_wait(mut self, wait: Duration) -> Self {
        self.max_wait = Some(wait);
        self
    }

    /// With nobody let in under overload who would wait for longer.
    #[must_use]
    pub fn with_overload_wait(mut self, wait: Duration) -> Self {
        self.overload_wait = Some(wait);
        self
    }

    /// With this done to what has been in the queue for so long.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration, action: TimeoutAction) -> Self {
        self.timeout = Some((timeout, action));
        self
    }

    pub(crate) fn limits(&self) -> QueueLimits {
        QueueLimits {
            max_waiting: self.max_waiting,
            max_wait: self.max_wait.unwrap_or(Duration::MAX),
            overload_wait: self.overload_wait,
            timeout: self.timeout,
            max_runs: None,
            is_of_rank: false,
        }
    }
}

/// The limits of one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueLimits {
    pub(crate) max_waiting: usize,
    pub(crate) max_wait: Duration,
    pub(crate) overload_wait: Option<Duration>,
    pub(crate) timeout: Option<(Duration, TimeoutAction)>,
    /// How many runs may take from it at once; `None` is as many as there are threads.
    pub(crate) max_runs: Option<usize>,
    /// Whether only those of the same rank count as waiting.
    pub(crate) is_of_rank: bool,
}

impl QueueLimits {
    /// What is due to one that has waited for this long.
    pub(crate) fn timed_out(&self, waited: Duration) -> Option<TimeoutAction> {
        self.timeout.filter(|(timeout, _)| waited > *timeout).map(|(_, action)| action)
    }

    /// The longest wait that one may expect who takes `cost` to answer.
    pub(crate) fn longest(&self, is_overloaded: bool, cost: Duration) -> Duration {
        if !is_overloaded {
            return self.max_wait;
        }
        let usual = || cost.saturating_mul(OVERLOAD_RUNS).max(LEAST_WAIT);
        self.overload_wait.unwrap_or_else(usual).min(self.max_wait)
    }

    /// After what wait one is dropped who takes `cost` to answer.
    pub(crate) fn too_long(&self, is_overloaded: bool, cost: Duration) -> Duration {
        self.longest(is_overloaded, cost).saturating_mul(BROKEN_PROMISE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overload_shortens_the_wait_to_a_few_runs() {
        let ms = Duration::from_millis;
        let usual = QueueConfig::default();
        let strict = usual.clone().with_max_wait(ms(50)).with_overload_wait(ms(70));
        for (config, is_overloaded, cost, expected) in [
            (&usual, false, ms(3), Duration::MAX),
            (&usual, true, ms(3), ms(24)),
            (&usual, true, ms(1), LEAST_WAIT),
            (&strict, false, ms(3), ms(50)),
            (&strict, true, ms(3), ms(50)),
        ] {
            let limits = config.limits();
            assert_eq!(limits.longest(is_overloaded, cost), expected, "{config:?}");
            assert_eq!(limits.too_long(is_overloaded, cost), expected.saturating_mul(2));
        }
    }
}
