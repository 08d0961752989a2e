//! What was joined, and why no more was.

use std::sync::atomic::{AtomicU64, Ordering};

use super::CloseReason;

/// Counts the batches of a version.
#[derive(Default)]
pub(crate) struct BatchStats {
    requests: AtomicU64,
    rows: AtomicU64,
    full: AtomicU64,
    delay: AtomicU64,
    idle_worker: AtomicU64,
    key_change: AtomicU64,
    drain: AtomicU64,
    split: AtomicU64,
    refused: AtomicU64,
}

/// The batches of a version that came from the queue so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchSnapshot {
    /// Requests in them.
    pub requests: u64,
    /// Rows in them.
    pub rows: u64,
    /// Closed because no more rows fitted.
    pub full: u64,
    /// Closed because the first had waited for long enough.
    pub delay: u64,
    /// Closed because a thread was free and nobody else waited.
    pub idle_worker: u64,
    /// Closed while others of the same model waited that could not run together with them.
    pub key_change: u64,
    /// Closed because the server stops.
    pub drain: u64,
    /// Failed as a whole, so that their requests were run one by one.
    pub split: u64,
    /// Requests that were refused because too many waited, at once or after they had waited for too long.
    pub refused: u64,
}

impl BatchStats {
    pub(crate) fn closed(&self, reason: CloseReason, requests: usize, rows: usize) {
        self.requests.fetch_add(requests as u64, Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        let counter = match reason {
            CloseReason::Full => &self.full,
            CloseReason::Delay => &self.delay,
            CloseReason::IdleWorker => &self.idle_worker,
            CloseReason::KeyChange => &self.key_change,
            CloseReason::Drain => &self.drain,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn split(&self) {
        self.split.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts one more that was refused, and gives its number.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn snapshot(&self) -> BatchSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BatchSnapshot {
            requests: read(&self.requests),
            rows: read(&self.rows),
            full: read(&self.full),
            delay: read(&self.delay),
            idle_worker: read(&self.idle_worker),
            key_change: read(&self.key_change),
            drain: read(&self.drain),
            split: read(&self.split),
            refused: read(&self.refused),
        }
    }
}
