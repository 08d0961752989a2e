//! The sequences of one version.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::sync::oneshot;
use tokio::time::Instant;
use wharf_infer::{Caller, ErrorCode, SequenceId, ServiceError};

use super::{Bounds, Keeper, Place};
use crate::sequence::turn::{Kept, Turn};

/// The sequences of one version, and what keeps that loaded until they have ended.
pub(super) struct Page<H> {
    pub(super) holder: H,
    /// Tells the version from another of the same number.
    pub(super) address: usize,
    bounds: Bounds,
    open: HashMap<(Caller, SequenceId), Entry<H>>,
    of_caller: HashMap<Caller, usize>,
    /// Those that nobody asks for, by when they end.
    idle: BTreeMap<(Instant, u64), (Caller, SequenceId)>,
    bytes: usize,
    waiting: usize,
    next: u64,
}

struct Entry<H> {
    number: u64,
    bytes: usize,
    phase: Phase<H>,
}

enum Phase<H> {
    /// Nobody asks for it until it ends at this moment.
    Idle(Instant, Kept),
    /// A request has its turn, and these wait for theirs.
    Busy(VecDeque<oneshot::Sender<Turn<H>>>),
}

/// When a request has its turn.
pub(super) enum Arrived<H> {
    /// At once, in the sequence of this number.
    Now(u64, Kept),
    Later(oneshot::Receiver<Turn<H>>),
}

/// What becomes of a turn.
pub(super) enum Next<H> {
    /// This one has it.
    Waiter(oneshot::Sender<Turn<H>>),
    /// Nobody asks for the sequence at present; it ends then.
    Rests(Instant),
    /// There is no such sequence any more.
    Nobody,
}

impl<H: Keeper> Page<H> {
    /// Ends those that have been idle for too long, and gives what they kept.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<Kept> {
        let mut ended = Vec::new();
        while let Some(first) = self.idle.first_entry() {
            if first.key().0 > now {
                break;
            }
            let key = first.remove();
            if let Some(Phase::Idle(_, kept)) = self.forget(&key) {
                self.holder.expired();
                ended.push(kept);
            }
        }
        ended
    }
}

impl<H> Page<H> {
    pub(super) fn new(bounds: Bounds, address: usize, holder: H) -> Self {
        Self {
            holder,
            address,
            bounds,
            open: HashMap::new(),
            of_caller: HashMap::new(),
            idle: BTreeMap::new(),
            bytes: 0,
            waiting: 0,
            next: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn is_open(&self, place: &Place) -> bool {
        self.open.contains_key(&key(place))
    }

    /// How many are open, and the bytes of their states.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.open.len(), self.bytes)
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.idle.keys().next().map(|(end, _)| *end)
    }

    pub(super) fn arrive(
        &mut self,
        place: &Place,
        starts: bool,
        now: Instant,
    ) -> Result<Arrived<H>, ServiceError> {
        let key = key(place);
        let Some(entry) = self.open.get_mut(&key) else {
            return if starts { self.begin(place, now) } else { Err(place.not_begun()) };
        };
        let line = match &mut entry.phase {
            Phase::Busy(line) => line,
            Phase::Idle(end, kept) => {
                let (end, kept) = (*end, std::mem::take(kept));
                entry.phase = Phase::Busy(VecDeque::new());
                self.idle.remove(&(end, entry.number));
                return Ok(Arrived::Now(entry.number, kept));
            }
        };
        if self.waiting >= self.bounds.waiting {
            // Those who have left are still in line.
            let before = line.len();
            line.retain(|waiter| !waiter.is_closed());
            self.waiting -= before - line.len();
        }
        if self.waiting >= self.bounds.waiting {
            let model = &place.model;
            let text = format!("too many requests wait for their turn in sequences of model '{model}'");
            return Err(ServiceError::new(ErrorCode::Overloaded, text));
        }
        let (send, turn) = oneshot::channel();
        line.push_back(send);
        self.waiting += 1;
        Ok(Arrived::Later(turn))
    }

    fn begin(&mut self, place: &Place, now: Instant) -> Result<Arrived<H>, ServiceError> {
        self.check_room(place).map_err(|error| match self.next_expiry() {
            Some(end) => error.with_retry_after(end.saturating_duration_since(now)),
            None => error,
        })?;
        let number = self.next;
        self.next += 1;
        let bytes = self.bounds.bytes_at_start;
        self.bytes += bytes;
        *self.of_caller.entry(place.caller.clone()).or_default() += 1;
        self.open.insert(key(place), Entry { number, bytes, phase: Phase::Busy(VecDeque::new()) });
        Ok(Arrived::Now(number, Kept::default()))
    }

    fn check_room(&self, place: &Place) -> Result<(), ServiceError> {
        let (model, bounds) = (&place.model, &self.bounds);
        let of_caller = self.of_caller.get(&place.caller).copied().unwrap_or_default();
        if of_caller >= bounds.open_of_caller {
            let text = format!("caller has {of_caller} sequences of model '{model}' open, which is the most");
            return Err(ServiceError::new(ErrorCode::QuotaExceeded, text));
        }
        if self.open.len() >= bounds.open {
            let text = format!("model '{model}' has {} sequences open, which is the most", self.open.len());
            return Err(ServiceError::new(ErrorCode::Overloaded, text));
        }
        if self.bytes.saturating_add(bounds.bytes_at_start) > bounds.bytes {
            return Err(no_memory(place));
        }
        Ok(())
    }

    fn forget(&mut self, key: &(Caller, SequenceId)) -> Option<Phase<H>> {
        let entry = self.open.remove(key)?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        if let Some(count) = self.of_caller.get_mut(&key.0) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.of_caller.remove(&key.0);
            }
        }
        Some(entry.phase)
    }

    pub(super) fn charge(&mut self, place: &Place, number: u64, bytes: usize) -> Result<(), ServiceError> {
        let Some(entry) = self.open.get_mut(&key(place)).filter(|entry| entry.number == number) else {
            return Ok(());
        };
        let total = self.bytes.saturating_sub(entry.bytes).saturating_add(bytes);
        if bytes > entry.bytes && total > self.bounds.bytes {
            return Err(no_memory(place));
        }
        self.bytes = total;
        entry.bytes = bytes;
        Ok(())
    }

    /// Who has the turn next; where nobody does, what is `kept` rests here.
    pub(super) fn next(&mut self, place: &Place, number: u64, kept: &mut Kept, now: Instant) -> Next<H> {
        let key = key(place);
        let Some(entry) = self.open.get_mut(&key).filter(|entry| entry.number == number) else {
            return Next::Nobody;
        };
        if let Phase::Busy(line) = &mut entry.phase
            && let Some(waiter) = line.pop_front()
        {
            self.waiting = self.waiting.saturating_sub(1);
            return Next::Waiter(waiter);
        }
        if kept.states.is_none() {
            self.forget(&key);
            return Next::Nobody;
        }
        let end = now + self.bounds.idle;
        entry.phase = Phase::Idle(end, std::mem::take(kept));
        self.idle.insert((end, number), key);
        Next::Rests(end)
    }
}

fn key(place: &Place) -> (Caller, SequenceId) {
    (place.caller.clone(), place.id.clone())
}

fn no_memory(place: &Place) -> ServiceError {
    let text =
        format!("the states of the sequences of model '{}' take as much memory as they may", place.model);
    ServiceError::new(ErrorCode::Overloaded, text)
}
