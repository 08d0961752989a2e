//! What waits to be computed, and what of it runs next, together.
//!
//! Nothing here knows threads or clocks: the caller holds the lock and says what time it is.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::crowd::Crowd;
use super::entry::{Fate, LAST};
use super::{Batch, Candidate, CloseReason, Dropped, Entry, LaneKey, LaneRules, NoRoom, RunPlace};

/// Everything that waits.
pub(crate) struct Line<T> {
    lanes: HashMap<LaneKey, Lane<T>>,
    crowd: Crowd,
    runs: Runs,
    /// Threads that take from here.
    threads: usize,
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

impl<T> Line<T> {
    /// A line from which so many threads take.
    pub(crate) fn new(threads: usize) -> Self {
        let crowd = Crowd::default();
        let runs = Runs::default();
        Self { lanes: HashMap::new(), crowd, runs, threads, waiting: 0, next: 0, is_draining: false }
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// Waits for no more company from now on.
    pub(crate) fn hurry(&mut self) {
        self.is_draining = true;
    }

    /// Whether one more may wait. A refusal for want of room marks the model as overloaded, as does `is_full`, by
    /// which the caller says that there is none, and one whose deadline is too near where the line is longer than that of
    /// an overloaded model may be: otherwise all who have a deadline would be answered just before it.
    pub(crate) fn check_room(&mut self, one: &Candidate, is_full: bool) -> Result<(), NoRoom> {
        let wait = self.expected_wait(one);
        let cost = one.cost.unwrap_or_else(|| self.crowd.waiting(one.model).1);
        if is_full || !self.crowd.has_room((one.model, one.rank), one.queue, (cost, wait), one.arrived) {
            self.crowd.refuse(one.model, one.arrived);
            return Err(NoRoom::Full(wait));
        }
        let is_late = |deadline: Instant| deadline.saturating_duration_since(one.arrived) < wait;
        if !one.deadline.is_some_and(is_late) {
            return Ok(());
        }
        if wait > one.queue.longest(true, cost) {
            self.crowd.refuse(one.model, one.arrived);
        }
        Err(NoRoom::Late(wait))
    }

    /// How long what waits now takes.
    pub(crate) fn longest_wait(&self) -> Duration {
        self.crowd.longest_wait(self.threads)
    }

    fn expected_wait(&self, one: &Candidate) -> Duration {
        let threads = one.queue.max_runs.unwrap_or(self.threads);
        self.crowd.expected_wait(one.model, one.rank, threads)
    }

    /// Puts one into its lane.
    pub(crate) fn push(&mut self, key: LaneKey, rules: LaneRules, entry: Entry<T>) {
        self.waiting += 1;
        let place = (entry.rank, self.next);
        self.next += 1;
        self.crowd.join(key.model, entry.rank, entry.cost, entry.arrived);
        let empty = || Lane { rules: rules.clone(), entries: BTreeMap::new(), rows: 0 };
        let lane = self.lanes.entry(key).or_insert_with(empty);
        // What was learnt meanwhile holds for those who wait already.
        lane.rules = rules;
        lane.rows = lane.rows.saturating_add(entry.rows);
        lane.entries.insert(place, entry);
    }

    /// The batch that runs next, where one is due. `is_wanted` says of whom that somebody still waits for them;
    /// the others are put into `dropped`.
    pub(crate) fn take(
        &mut self,
        now: Instant,
        is_wanted: impl Fn(&T) -> bool,
        dropped: &mut Dropped<T>,
    ) -> Option<Batch<T>> {
        loop {
            let key = self.next_lane(now)?;
            if let Some(batch) = self.take_from(&key, now, &is_wanted, dropped) {
                self.runs.begin(batch.place);
                return Some(batch);
            }
        }
    }

    /// A run that was taken has ended.
    pub(crate) fn ended(&mut self, place: RunPlace) {
        self.runs.end(place);
    }

    /// Of the lanes that are due, one of the model that has been given the least; of its lanes, the one with the
    /// lowest rank, then with the earliest arrival.
    fn next_lane(&self, now: Instant) -> Option<LaneKey> {
        let open = self.lanes.iter().filter(|(key, lane)| self.is_open(key, lane));
        let due = open.filter(|(_, lane)| self.is_draining || lane.is_due(now));
        let place = |(key, lane): &(&LaneKey, &Lane<T>)| {
            let first = lane.entries.keys().next().copied();
            (self.crowd.given(key.model), first)
        };
        due.min_by_key(place).map(|(key, _)| key.clone())
    }

    /// Whether one more run may take from a lane now.
    fn is_open(&self, key: &LaneKey, lane: &Lane<T>) -> bool {
        self.runs.are_fewer_than(lane.rules.max_runs, key.model, self.threads)
    }

    /// When the next batch is due that is not due yet.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        let open = self.lanes.iter().filter(|(key, lane)| self.is_open(key, lane));
        open.filter_map(|(_, lane)| lane.due_at()).min()
    }

    /// All that wait, in no order.
    pub(crate) fn clear(&mut self) -> Vec<T> {
        self.waiting = 0;
        self.crowd.clear();
        let lanes = std::mem::take(&mut self.lanes).into_values();
        lanes.flat_map(|lane| lane.entries.into_values()).map(|entry| entry.item).collect()
    }

    /// `None` where nobody waits any more for those in the lane.
    fn take_from(
        &mut self,
        key: &LaneKey,
        now: Instant,
        is_wanted: impl Fn(&T) -> bool,
        dropped: &mut Dropped<T>,
    ) -> Option<Batch<T>> {
        let is_overloaded = self.crowd.is_overloaded(key.model, now);
        let lane = self.lanes.get_mut(key)?;
        let max_rows = lane.cut(&is_wanted);
        let (mut items, mut rows, mut cost, mut is_full) = (Vec::new(), 0_usize, Duration::ZERO, false);
        while let Some(first) = lane.entries.first_entry() {
            let fate = first.get().fate(is_overloaded, now, &is_wanted);
            let total = rows.saturating_add(first.get().rows);
            is_full = fate == Fate::Runs && !items.is_empty() && total > max_rows;
            if is_full {
                break;
            }
            let ((_, number), entry) = first.remove_entry();
            self.crowd.leave(key.model, entry.rank, entry.cost);
            if fate == Fate::LetsOthersGoFirst {
                self.crowd.join(key.model, LAST, entry.cost, now);
                lane.entries.insert((LAST, number), Entry { rank: LAST, ..entry });
                continue;
            }
            self.waiting -= 1;
            lane.rows = lane.rows.saturating_sub(entry.rows);
            match fate {
                Fate::Stale => dropped.stale.push(entry.item),
                Fate::Unwanted => dropped.unwanted.push(entry.item),
                Fate::Runs | Fate::LetsOthersGoFirst => {
                    (rows, cost) = (total, cost.saturating_add(entry.cost));
                    items.push(entry.item);
                }
            }
        }
        let rules = lane.rules.clone();
        if lane.entries.is_empty() {
            self.lanes.remove(key);
        }
        if items.is_empty() {
            return None;
        }
        self.crowd.give(key.model, cost);
        let reason = self.reason(key, &rules, is_full || rows >= rules.max_rows.min(rules.enough));
        let place = rules.max_runs.map_or(RunPlace::Thread, |_| RunPlace::Instance(key.model));
        Some(Batch { items, rows, reason, place })
    }

    fn reason(&self, key: &LaneKey, rules: &LaneRules, is_full: bool) -> CloseReason {
        match () {
            () if is_full => CloseReason::Full,
            () if self.is_draining => CloseReason::Drain,
            () if self.lanes.keys().any(|other| other.model == key.model) => CloseReason::KeyChange,
            () if rules.max_delay.is_zero() => CloseReason::IdleWorker,
            () => CloseReason::Delay,
        }
    }
}

/// What runs now.
#[derive(Default)]
struct Runs {
    /// Of models that may have as many as there are threads.
    on_threads: usize,
    /// Of each of the others.
    instances: HashMap<usize, usize>,
}

impl Runs {
    fn are_fewer_than(&self, max_runs: Option<usize>, model: usize, threads: usize) -> bool {
        match max_runs {
            None => self.on_threads < threads,
            Some(most) => self.instances.get(&model).is_none_or(|runs| *runs < most),
        }
    }

    fn begin(&mut self, place: RunPlace) {
        match place {
            RunPlace::Thread => self.on_threads += 1,
            RunPlace::Instance(model) => *self.instances.entry(model).or_default() += 1,
        }
    }

    fn end(&mut self, place: RunPlace) {
        match place {
            RunPlace::Thread => self.on_threads = self.on_threads.saturating_sub(1),
            RunPlace::Instance(model) => {
                let left = self.instances.get(&model).copied().unwrap_or(0).saturating_sub(1);
                match left {
                    0 => drop(self.instances.remove(&model)),
                    left => drop(self.instances.insert(model, left)),
                }
            }
        }
    }
}

impl<T> Lane<T> {
    /// The most rows of the next batch: as many as it may have, or the largest preferred number that those in line add
    /// up to.
    fn cut(&self, is_wanted: impl Fn(&T) -> bool) -> usize {
        if self.rules.preferred.is_empty() {
            return self.rules.max_rows;
        }
        let (mut rows, mut cut) = (0_usize, None);
        for entry in self.entries.values().filter(|entry| is_wanted(&entry.item)) {
            rows = rows.saturating_add(entry.rows);
            if rows > self.rules.max_rows {
                break;
            }
            cut = self.rules.preferred.contains(&rows).then_some(rows).or(cut);
        }
        cut.unwrap_or(self.rules.max_rows)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due_at().is_none_or(|due| due <= now)
    }

    /// `None` means at once.
    fn due_at(&self) -> Option<Instant> {
        let rules = &self.rules;
        let enough =
            rules.preferred.last().copied().unwrap_or(usize::MAX).min(rules.enough).min(rules.max_rows);
        if self.rules.max_delay.is_zero() || self.rows >= enough {
            return None;
        }
        let first = self.entries.values().map(|entry| entry.arrived).min()?;
        first.checked_add(self.rules.max_delay)
    }
}

#[cfg(test)]
mod tests;
