//! Watches versions that are new.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use wharf_infer::{ErrorCode, ServiceError};

use super::RollbackBounds;

/// How a request ended, as far as its version is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Well, or badly for another reason.
    Fine,
    /// The request is said to be wrong. An engine that fails in the middle of a graph cannot tell whose fault it is.
    Rejected,
    /// It should have been answered.
    Failed,
}

impl Ending {
    pub(super) fn of<T>(answer: &Result<T, ServiceError>) -> Self {
        match answer.as_ref().map_err(ServiceError::code) {
            Err(ErrorCode::InvalidArgument) => Self::Rejected,
            Err(ErrorCode::Internal | ErrorCode::DataLoss | ErrorCode::DeadlineExceeded) => Self::Failed,
            _ => Self::Fine,
        }
    }
}

/// What the version with the greatest part makes of the requests, for the others to be measured by.
#[derive(Debug, Default)]
pub(super) struct Steady {
    all: AtomicU64,
    rejected: AtomicU64,
}

impl Steady {
    /// Which part of the requests it rejects: clients make mistakes with every version.
    fn rejects(&self) -> f64 {
        self.rejected.load(Ordering::Relaxed) as f64 / self.all.load(Ordering::Relaxed).max(1) as f64
    }
}

/// Watches one version.
pub(crate) struct Guard {
    pub(crate) model: String,
    pub(crate) version: u64,
    bounds: RollbackBounds,
    steady: Arc<Steady>,
    is_steady: bool,
    counts: [AtomicU64; 3],
}

impl Guard {
    /// Of the steady version itself, or of one that is measured by it.
    pub(super) fn new(
        (model, version): (&str, u64),
        bounds: RollbackBounds,
        (steady, is_steady): (Arc<Steady>, bool),
    ) -> Self {
        Self { model: model.to_owned(), version, bounds, steady, is_steady, counts: Default::default() }
    }

    /// One more answer. Says what is broken as soon as it is certain of this window: the rest of it could not mend
    /// it. Answers that arrive while a window ends may count into either.
    pub(super) fn record(&self, ending: Ending, elapsed: Duration) -> Option<String> {
        if self.is_steady {
            self.steady.all.fetch_add(1, Ordering::Relaxed);
            self.steady.rejected.fetch_add(u64::from(ending == Ending::Rejected), Ordering::Relaxed);
            return None;
        }
        let [all, failed, slow] = &self.counts;
        let window = self.bounds.window.max(1);
        let add = |count: &AtomicU64, is_one: bool| {
            count.fetch_add(u64::from(is_one), Ordering::Relaxed) + u64::from(is_one)
        };
        let failures = add(failed, ending != Ending::Fine);
        let late = add(slow, self.bounds.max_p99.is_some_and(|limit| elapsed >= limit));
        if add(all, true) >= window {
            self.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        }
        let part = |count: u64| count as f64 / window as f64;
        let limit = self.bounds.max_error_rate + self.steady.rejects();
        if failures > 0 && part(failures) > limit {
            let limit = (limit * 1e4).round() / 1e2;
            return Some(format!("{failures} of {window} requests failed, expected {limit} % at most"));
        }
        let limit = self.bounds.max_p99.filter(|_| late > 0 && part(late) > 0.01)?;
        Some(format!("{late} of {window} requests took {limit:?} or longer, expected 1 % at most"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guards(bounds: RollbackBounds) -> (Guard, Guard) {
        let steady = Arc::<Steady>::default();
        let guard = |version, is_steady| Guard::new(("m", version), bounds, (Arc::clone(&steady), is_steady));
        (guard(1, true), guard(2, false))
    }

    #[test]
    fn guards_judge_windows() {
        let fast = Duration::from_millis(1);
        let bounds = RollbackBounds::new(100, 0.02).with_max_p99(Duration::from_millis(10));
        let (_, guard) = guards(bounds);
        for _ in 0..10 {
            // Two in a hundred are within the bound, window after window; so is a slow one.
            for number in 0..100 {
                let elapsed = if number == 7 { Duration::from_secs(1) } else { fast };
                let ending = [Ending::Failed, Ending::Rejected].get(number).copied().unwrap_or(Ending::Fine);
                assert_eq!(guard.record(ending, elapsed), None);
            }
        }
        assert_eq!(guard.record(Ending::Failed, fast), None);
        assert_eq!(guard.record(Ending::Failed, fast), None);
        let broken = guard.record(Ending::Failed, fast).unwrap();
        assert_eq!(broken, "3 of 100 requests failed, expected 2 % at most");
        let (_, guard) = guards(bounds);
        assert_eq!(guard.record(Ending::Fine, Duration::from_millis(10)), None);
        let broken = guard.record(Ending::Fine, Duration::from_millis(10)).unwrap();
        assert_eq!(broken, "2 of 100 requests took 10ms or longer, expected 1 % at most");
    }

    #[test]
    fn rejections_count_beyond_those_of_the_steady_version() {
        let (steady, guard) = guards(RollbackBounds::new(10, 0.1));
        for number in 0..100 {
            let ending = if number % 5 == 0 { Ending::Rejected } else { Ending::Fine };
            assert_eq!(steady.record(ending, Duration::ZERO), None, "the steady version is not judged");
        }
        for _ in 0..3 {
            assert_eq!(guard.record(Ending::Rejected, Duration::ZERO), None);
        }
        let broken = guard.record(Ending::Rejected, Duration::ZERO).unwrap();
        assert_eq!(broken, "4 of 10 requests failed, expected 30 % at most");
    }

    #[test]
    fn overload_is_not_blamed_on_a_version() {
        for (code, expected) in [
            (ErrorCode::Internal, Ending::Failed),
            (ErrorCode::DataLoss, Ending::Failed),
            (ErrorCode::DeadlineExceeded, Ending::Failed),
            (ErrorCode::InvalidArgument, Ending::Rejected),
            (ErrorCode::Overloaded, Ending::Fine),
            (ErrorCode::Cancelled, Ending::Fine),
            (ErrorCode::Unavailable, Ending::Fine),
        ] {
            assert_eq!(Ending::of(&Err::<(), _>(ServiceError::new(code, "x"))), expected, "{code:?}");
        }
    }
}
