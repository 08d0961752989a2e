//! What came of copies.

use std::sync::{Mutex, PoisonError};

use wharf_metrics::Counter;

use super::compare::Outcome;

/// Counted of a shadow for as long as it is the model's.
#[derive(Debug, Default)]
pub(crate) struct ShadowCounts {
    pub(crate) same: Counter,
    pub(crate) close: Counter,
    pub(crate) different: Counter,
    pub(crate) failed: Counter,
    pub(crate) dropped: Counter,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    widest: f64,
    difference: Option<String>,
}

/// What came of the copies of a model's requests.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ShadowReport {
    /// Answered exactly the same.
    pub same: u64,
    /// Answered the same within the tolerance.
    pub close: u64,
    /// Answered otherwise.
    pub different: u64,
    /// Not answered.
    pub failed: u64,
    /// Not run: the shadow was too slow, or the server too busy.
    pub dropped: u64,
    /// By how much numbers differed at most; endless and no numbers left aside.
    pub widest_difference: f64,
    /// The last difference or failure, in words.
    pub last_difference: Option<String>,
}

impl ShadowCounts {
    pub(super) fn count(&self, outcome: Outcome) {
        let (counter, difference, words) = match outcome {
            Outcome::Same => return self.same.increment(),
            Outcome::Close(difference) => (&self.close, difference, None),
            Outcome::Different(difference, words) => (&self.different, difference, Some(words)),
            Outcome::Failed(words) => (&self.failed, 0.0, Some(words)),
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if difference.is_finite() {
            last.widest = last.widest.max(difference);
        }
        last.difference = words.or(last.difference.take());
        drop(last);
        // Last, so that whoever sees the count sees its words.
        counter.increment();
    }

    /// The numbers as they are now.
    pub(crate) fn report(&self) -> ShadowReport {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        ShadowReport {
            same: self.same.get(),
            close: self.close.get(),
            different: self.different.get(),
            failed: self.failed.get(),
            dropped: self.dropped.get(),
            widest_difference: last.widest,
            last_difference: last.difference.clone(),
        }
    }
}
