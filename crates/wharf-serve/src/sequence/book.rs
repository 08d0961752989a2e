//! Which sequences are open, of which version, and since when nobody asks for them.
//!
//! Nothing here knows clocks, runs or models: whoever calls says what time it is. `H` is what every version with open
//! sequences is kept by.

mod page;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use wharf_infer::{Caller, SequenceId, ServiceError};

use super::turn::{Holding, Turn};
use page::{Next, Page};

/// All sequences of a server.
pub(crate) struct Book<H> {
    models: Mutex<Models<H>>,
    /// When whoever ends sequences looks next.
    looks_at: Mutex<Look>,
    /// Told when a sequence ends sooner than that.
    pub(super) changed: Notify,
}

/// When whoever ends sequences looks next.
#[derive(Default)]
enum Look {
    /// Nobody does as yet.
    #[default]
    Never,
    /// When told so, or at this time.
    Later(Option<Instant>),
}

/// By model, and by version.
type Models<H> = HashMap<String, BTreeMap<u64, Page<H>>>;

/// What keeps a version loaded while it has open sequences.
pub(crate) trait Keeper: Clone {
    /// A sequence of the version has ended because nobody asked for it.
    fn expired(&self);
}

/// Whose sequence it is, and of what.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) model: Arc<str>,
    pub(crate) version: u64,
    /// Ids of different callers do not meet.
    pub(crate) caller: Caller,
    pub(crate) id: SequenceId,
}

impl Place {
    /// What a request is told whose sequence is not open, in Triton's words.
    pub(crate) fn not_begun(&self) -> ServiceError {
        let (id, model) = (&self.id, &self.model);
        ServiceError::invalid_argument(format!(
            "inference request for sequence {id} to model '{model}' must specify the START flag on the first request \
             of the sequence"
        ))
    }
}

/// How many sequences of a version there may be, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Sequences that may be open.
    pub(crate) open: usize,
    /// Those of one caller.
    pub(crate) open_of_caller: usize,
    /// Bytes of their states.
    pub(crate) bytes: usize,
    /// Requests that may wait for their turn.
    pub(crate) waiting: usize,
    /// After how long without a request a sequence ends.
    pub(crate) idle: Duration,
    /// The bytes of the state with which one begins.
    pub(crate) bytes_at_start: usize,
}

/// When a request has its turn.
pub(crate) enum Arrival<H> {
    Now(Turn<H>),
    Later(oneshot::Receiver<Turn<H>>),
}

impl<H> Default for Book<H> {
    fn default() -> Self {
        Self { models: Mutex::default(), looks_at: Mutex::default(), changed: Notify::new() }
    }
}

impl<H: Keeper> Book<H> {
    /// Puts a request in line for its sequence, in the order in which they come here; one that `starts` opens it where it
    /// is not open. `holder` is what the version is kept by while it has sequences, and `address` tells it from another
    /// that had the same number before: the sequences of that end.
    ///
    /// # Errors
    /// The sequence is not open, or there is no room for it.
    pub(crate) fn arrive(
        self: &Arc<Self>,
        place: Place,
        starts: bool,
        (bounds, address): (Bounds, usize),
        holder: impl FnOnce() -> H,
        now: Instant,
    ) -> Result<Arrival<H>, ServiceError> {
        let mut models = self.lock();
        let versions = models.entry(place.model.to_string()).or_default();
        let replaced = match versions.get(&place.version).is_some_and(|page| page.address != address) {
            true => versions.remove(&place.version),
            false => None,
        };
        let page = versions.entry(place.version).or_insert_with(|| Page::new(bounds, address, holder()));
        let expired = page.expire(now);
        let arrived = page.arrive(&place, starts, now);
        let emptied = take_empty(&mut models, &place);
        drop(models);
        // What a version is kept by goes without the lock: it may be the last that keeps it.
        drop((replaced, expired, emptied));
        Ok(match arrived? {
            page::Arrived::Now(number, kept) => {
                let holding = Holding { book: Arc::clone(self), place, number, kept };
                Arrival::Now(Turn(Some(holding)))
            }
            page::Arrived::Later(turn) => Arrival::Later(turn),
        })
    }

    /// What keeps the newest version on which a sequence is open, of those other than `version`.
    pub(crate) fn home(&self, place: &Place) -> Option<H> {
        let models = self.lock();
        let mut versions = models.get(&*place.model)?.iter().rev();
        let found = versions.find(|(version, page)| **version != place.version && page.is_open(place));
        found.map(|(_, page)| page.holder.clone())
    }

    /// Ends the sequences that have been idle for too long.
    pub(crate) fn expire(&self, now: Instant) {
        let mut models = self.lock();
        let pages = models.values_mut().flat_map(BTreeMap::values_mut);
        let ended: Vec<_> = pages.map(|page| page.expire(now)).collect();
        let empty = take_all_empty(&mut models);
        drop(models);
        drop((ended, empty));
    }

    /// Whether nobody ends sequences as yet. Whoever is told so is to do it.
    pub(crate) fn needs_reaper(&self) -> bool {
        let mut looks_at = self.looks_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_needed = matches!(*looks_at, Look::Never);
        if is_needed {
            *looks_at = Look::Later(None);
        }
        is_needed
    }

    /// When the next sequence ends if nobody asks for it: when to look again, unless told sooner.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        let models = self.lock();
        let next = models.values().flat_map(BTreeMap::values).filter_map(Page::next_expiry).min();
        *self.looks_at.lock().unwrap_or_else(PoisonError::into_inner) = Look::Later(next);
        next
    }

    /// Ends all sequences of a model.
    pub(crate) fn end(&self, model: &str) {
        let ended = self.lock().remove(model);
        drop(ended);
    }

    /// How many sequences of a version are open, and the bytes of their states.
    pub(crate) fn open(&self, model: &str, version: u64) -> (usize, usize) {
        let models = self.lock();
        let page = models.get(model).and_then(|versions| versions.get(&version));
        page.map_or((0, 0), Page::size)
    }
}

impl<H> Book<H> {
    /// The states of a sequence take so many bytes from now on.
    pub(super) fn charge(&self, place: &Place, number: u64, bytes: usize) -> Result<(), ServiceError> {
        let mut models = self.lock();
        match page_of(&mut models, place) {
            Some(page) => page.charge(place, number, bytes),
            None => Ok(()),
        }
    }

    /// Gives a turn to the next in line; where there is none, the sequence rests, or is forgotten if it has ended.
    pub(super) fn pass_on(mut holding: Holding<H>) {
        let book = Arc::clone(&holding.book);
        loop {
            let mut models = book.lock();
            let next = match page_of(&mut models, &holding.place) {
                None => return,
                Some(page) => page.next(&holding.place, holding.number, &mut holding.kept, Instant::now()),
            };
            let emptied = take_empty(&mut models, &holding.place);
            drop(models);
            drop(emptied);
            match next {
                Next::Nobody => return,
                Next::Rests(end) => return book.rests_until(end),
                Next::Waiter(waiter) => match waiter.send(Turn(Some(holding))) {
                    Ok(()) => return,
                    // That one has left meanwhile.
                    Err(mut turn) => match turn.0.take() {
                        Some(back) => holding = back,
                        None => return,
                    },
                },
            }
        }
    }

    /// Has whoever ends sequences look in time for one that ends then.
    fn rests_until(&self, end: Instant) {
        let looks_at = self.looks_at.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*looks_at, Look::Later(at) if at.is_none_or(|at| end < at)) {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Models<H>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page_of<'a, H>(models: &'a mut Models<H>, place: &Place) -> Option<&'a mut Page<H>> {
    models.get_mut(&*place.model)?.get_mut(&place.version)
}

/// Takes out the page of a version that has no sequences.
fn take_empty<H>(models: &mut Models<H>, place: &Place) -> Option<Page<H>> {
    let versions = models.get_mut(&*place.model)?;
    let is_empty = versions.get(&place.version).is_some_and(Page::is_empty);
    let page = if is_empty { versions.remove(&place.version) } else { None };
    if versions.is_empty() {
        models.remove(&*place.model);
    }
    page
}

fn take_all_empty<H>(models: &mut Models<H>) -> Vec<Page<H>> {
    let mut empty = Vec::new();
    models.retain(|_, versions| {
        let gone: Vec<u64> =
            versions.iter().filter(|(_, page)| page.is_empty()).map(|(version, _)| *version).collect();
        empty.extend(gone.into_iter().filter_map(|version| versions.remove(&version)));
        !versions.is_empty()
    });
    empty
}
