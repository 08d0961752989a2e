//! What waits, and what runs next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{QueueLimits, TimeoutAction};

/// Which requests may run together: those of one lane, if its rules allow.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneKey {
    /// The version, by its place in memory, which whatever waits keeps.
    pub(crate) model: usize,
    /// `None` for what runs alone.
    pub(crate) rows: Option<Rows>,
}

/// What the rows of one run have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Rows {
    pub(crate) signature: String,
    pub(crate) outputs: Vec<String>,
    /// The inputs by name, with their dimensions after the first.
    pub(crate) inputs: Vec<(String, Vec<usize>)>,
}

/// How a lane forms its batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaneRules {
    /// The most rows of one run; an entry with more runs alone.
    pub(crate) max_rows: usize,
    /// Numbers of rows to which a batch is cut back, ascending.
    pub(crate) preferred: Arc<[usize]>,
    /// With so many rows nobody waits for more.
    pub(crate) enough: usize,
    /// How long the first of a batch waits for more; zero takes what is there.
    pub(crate) max_delay: Duration,
    /// How many runs there may be at once; `None` is as many as there are threads.
    pub(crate) max_runs: Option<usize>,
}

/// One that waits.
pub(crate) struct Entry<T> {
    pub(crate) item: T,
    pub(crate) rows: usize,
    /// Lower goes first.
    pub(crate) rank: u32,
    /// How many like it may wait, and for how long.
    pub(crate) queue: QueueLimits,
    pub(crate) arrived: Instant,
    /// How long it is expected to run; zero where nobody knows.
    pub(crate) cost: Duration,
}

/// One that would like to wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    /// The version, as in [`LaneKey`].
    pub(crate) model: usize,
    pub(crate) queue: QueueLimits,
    pub(crate) rank: u32,
    pub(crate) arrived: Instant,
    /// How long it is expected to run; `None` before it has been read.
    pub(crate) cost: Option<Duration>,
    pub(crate) deadline: Option<Instant>,
}

/// Why one may not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// As many wait as may, or for as long as may; a new one would wait for this long.
    Full(Duration),
    /// It would wait for this long, past its deadline.
    Late(Duration),
}

/// What is taken out of the line and does not run.
#[derive(Debug)]
pub(crate) struct Dropped<T> {
    /// Nobody waits for these any more.
    pub(crate) unwanted: Vec<T>,
    /// These have waited for too long under overload.
    pub(crate) stale: Vec<T>,
}

/// Why a batch took no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseReason {
    /// It has as many rows as it may, or the next one in line would be too much.
    Full,
    /// Its first entry has waited for as long as it may.
    Delay,
    /// A thread was free, and nobody else waited.
    IdleWorker,
    /// Others of the same model waited, but cannot run together with these.
    KeyChange,
    /// The server stops.
    Drain,
}

/// What runs next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch<T> {
    pub(crate) items: Vec<T>,
    pub(crate) rows: usize,
    pub(crate) reason: CloseReason,
    pub(crate) place: RunPlace,
}

/// What a run takes up until it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunPlace {
    /// One of the threads.
    Thread,
    /// One of the runs that this model may have at once.
    Instance(usize),
}

impl<T> Default for Dropped<T> {
    fn default() -> Self {
        Self { unwanted: Vec::new(), stale: Vec::new() }
    }
}

impl<T> Dropped<T> {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.unwanted.is_empty() && self.stale.is_empty()
    }
}

/// The rank of those that have been in the queue for too long and let all others go first.
pub(super) const LAST: u32 = u32::MAX;

/// What becomes of one whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Runs,
    /// It has been in the queue for too long, and goes to its end.
    LetsOthersGoFirst,
    /// Nobody waits for it, or it has been in the queue for longer than it may.
    Unwanted,
    /// It has waited for so long that its answer is of little use to a caller, and keeps others waiting.
    Stale,
}

impl<T> Entry<T> {
    pub(super) fn fate(&self, is_overloaded: bool, now: Instant, is_wanted: impl Fn(&T) -> bool) -> Fate {
        let waited = now.saturating_duration_since(self.arrived);
        let queue = self.queue;
        match queue.timed_out(waited) {
            _ if !is_wanted(&self.item) => Fate::Unwanted,
            Some(TimeoutAction::Reject) => Fate::Unwanted,
            Some(TimeoutAction::Delay) if self.rank != LAST => Fate::LetsOthersGoFirst,
            _ if waited > queue.too_long(is_overloaded, self.cost) => Fate::Stale,
            _ => Fate::Runs,
        }
    }
}
