//! What waits to be computed, and what of it runs next, together.
//!
//! Nothing here knows threads or clocks: the caller holds the lock and says what time it is.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneRules {
    /// The most rows of one run; an entry with more runs alone.
    pub(crate) max_rows: usize,
    /// How long the first of a batch waits for more; zero takes what is there.
    pub(crate) max_delay: Duration,
}

/// One that waits.
pub(crate) struct Entry<T> {
    pub(crate) item: T,
    pub(crate) rows: usize,
    /// Lower goes first.
    pub(crate) rank: u32,
    pub(crate) arrived: Instant,
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
}

/// Everything that waits.
pub(crate) struct Line<T> {
    lanes: HashMap<LaneKey, Lane<T>>,
    waiting: usize,
    next: u64,
    is_draining: bool,
}

struct Lane<T> {
    rules: LaneRules,
    /// By rank, then by arrival.
    entries: BTreeMap<(u32, u64), Entry<T>>,
    rows: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { lanes: HashMap::new(), waiting: 0, next: 0, is_draining: false }
    }
}

impl<T> Line<T> {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Waits for no more company from now on.
    pub(crate) fn hurry(&mut self) {
        self.is_draining = true;
    }

    /// Puts one into its lane.
    pub(crate) fn push(&mut self, key: LaneKey, rules: LaneRules, entry: Entry<T>) {
        self.waiting += 1;
        let place = (entry.rank, self.next);
        self.next += 1;
        let lane = self.lanes.entry(key).or_insert_with(|| Lane { rules, entries: BTreeMap::new(), rows: 0 });
        lane.rows = lane.rows.saturating_add(entry.rows);
        lane.entries.insert(place, entry);
    }

    /// The batch that runs next, where one is due. `is_wanted` says of whom that somebody still waits for them;
    /// the others are put into `unwanted`.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        is_wanted: impl Fn(&T) -> bool,
        unwanted: &mut Vec<T>,
    ) -> Option<Batch<T>> {
        loop {
            let is_draining = self.is_draining;
            let due = self.lanes.iter().filter(|(_, lane)| is_draining || lane.is_due(now));
            let (key, _) = due.min_by_key(|(_, lane)| lane.entries.keys().next().copied())?;
            let key = key.clone();
            if let Some(batch) = self.take_from(&key, &is_wanted, unwanted) {
                return Some(batch);
            }
        }
    }

    /// When the next batch is due that is not due yet.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.lanes.values().filter_map(Lane::due_at).min()
    }

    /// All that wait, in no order.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        self.waiting = 0;
        let lanes = std::mem::take(&mut self.lanes).into_values();
        lanes.flat_map(|lane| lane.entries.into_values()).map(|entry| entry.item).collect()
    }

    /// `None` where nobody waits any more for those in the lane.
    fn take_from(
        &mut self,
        key: &LaneKey,
        is_wanted: impl Fn(&T) -> bool,
        unwanted: &mut Vec<T>,
    ) -> Option<Batch<T>> {
        let lane = self.lanes.get_mut(key)?;
        let (mut items, mut rows, mut is_full) = (Vec::new(), 0_usize, false);
        while let Some(first) = lane.entries.first_entry() {
            let wanted = is_wanted(&first.get().item);
            let total = rows.saturating_add(first.get().rows);
            is_full = wanted && !items.is_empty() && total > lane.rules.max_rows;
            if is_full {
                break;
            }
            let entry = first.remove();
            self.waiting -= 1;
            lane.rows = lane.rows.saturating_sub(entry.rows);
            if wanted {
                rows = total;
                items.push(entry.item);
            } else {
                unwanted.push(entry.item);
            }
        }
        let rules = lane.rules;
        if lane.entries.is_empty() {
            self.lanes.remove(key);
        }
        if items.is_empty() {
            return None;
        }
        let reason = self.reason(key, rules, is_full || rows >= rules.max_rows);
        Some(Batch { items, rows, reason })
    }

    fn reason(&self, key: &LaneKey, rules: LaneRules, is_full: bool) -> CloseReason {
        match () {
            () if is_full => CloseReason::Full,
            () if self.is_draining => CloseReason::Drain,
            () if self.lanes.keys().any(|other| other.model == key.model) => CloseReason::KeyChange,
            () if rules.max_delay.is_zero() => CloseReason::IdleWorker,
            () => CloseReason::Delay,
        }
    }
}

impl<T> Lane<T> {
    fn is_due(&self, now: Instant) -> bool {
        self.due_at().is_none_or(|due| due <= now)
    }

    /// `None` means at once.
    fn due_at(&self) -> Option<Instant> {
        if self.rules.max_delay.is_zero() || self.rows >= self.rules.max_rows {
            return None;
        }
        let first = self.entries.values().map(|entry| entry.arrived).min()?;
        first.checked_add(self.rules.max_delay)
    }
}

#[cfg(test)]
mod tests;
