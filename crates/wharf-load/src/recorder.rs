//! What is noted while a load runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::outcome::Reply;
use crate::{Histogram, Outcome};

/// Notes of all callers. Uncontended: they share a thread.
#[derive(Default)]
pub(crate) struct Recorder(Mutex<Notes>);

/// What was noted.
#[derive(Default)]
pub(crate) struct Notes {
    /// Latencies by outcome, from the due time.
    pub(crate) latencies: BTreeMap<Outcome, Histogram>,
    /// How long after their due time requests were sent.
    pub(crate) lateness: Histogram,
    /// Bytes of the answers.
    pub(crate) received_bytes: u64,
    /// What was said first of each outcome that is no answer.
    pub(crate) texts: BTreeMap<Outcome, String>,
    /// When the last reply came.
    pub(crate) last: Option<Instant>,
}

impl Recorder {
    /// Notes a reply that came at `now` to a request that was due at `due` and sent at `sent`.
    pub(crate) fn note(&self, reply: Reply, due: Instant, sent: Instant, now: Instant) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = now.saturating_duration_since(due);
        notes.latencies.entry(reply.outcome).or_default().record(latency);
        notes.lateness.record(sent.saturating_duration_since(due));
        notes.received_bytes += reply.size_bytes as u64;
        notes.last = notes.last.max(Some(now));
        if let Some(text) = reply.text {
            notes.texts.entry(reply.outcome).or_insert(text);
        }
    }

    /// Notes a request that had no reply when the load ended, `waited` after it was due.
    pub(crate) fn note_unanswered(&self, waited: Duration) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.latencies.entry(Outcome::TimedOut).or_default().record(waited);
        notes.texts.entry(Outcome::TimedOut).or_insert_with(|| "no reply when the load ended".to_owned());
    }

    /// When the last reply came.
    pub(crate) fn last(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    /// Everything noted so far; nothing is left.
    pub(crate) fn take(&self) -> Notes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
