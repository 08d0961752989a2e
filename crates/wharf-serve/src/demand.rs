//! Many models on little memory: a model is loaded by its first request, and unloaded when others need its place or
//! nobody asks for it any more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How models come and go by demand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnDemand {
    /// The most bytes that loaded versions may take together: what each grew the process by when it was loaded, and at
    /// least the size of its files. `None` is without limit.
    pub memory_budget: Option<u64>,
    /// A model that nobody asked for this long is unloaded; `None` leaves it.
    pub idle_timeout: Option<Duration>,
    /// Models that are loaded at the start and stay.
    pub pinned: BTreeSet<String>,
    /// Whether a version counts by the size of its files alone, and not by what the process grew when it was loaded:
    /// for processes in which other things grow as well.
    pub counts_files_only: bool,
}

impl OnDemand {
    /// With loaded versions taking this many bytes at most.
    #[must_use]
    pub fn with_memory_budget(mut self, bytes: u64) -> Self {
        self.memory_budget = Some(bytes);
        self
    }

    /// With models unloaded that nobody asked for this long.
    #[must_use]
    pub fn with_idle_timeout(mut self, time: Duration) -> Self {
        self.idle_timeout = Some(time);
        self
    }

    /// With versions counted by the size of their files alone.
    #[must_use]
    pub fn with_files_only(mut self) -> Self {
        self.counts_files_only = true;
        self
    }

    /// With one more model that is always loaded.
    #[must_use]
    pub fn with_pinned(mut self, model: impl Into<String>) -> Self {
        self.pinned.insert(model.into());
        self
    }
}

/// Who uses which model, and since when nobody does.
#[derive(Default)]
pub(crate) struct Usage {
    models: Mutex<HashMap<String, Use>>,
    /// Told whenever a model is let go of, or a version leaves the memory.
    freed: Notify,
}

struct Use {
    holders: usize,
    last: Instant,
}

/// Keeps a model from being unloaded to make place for others, until dropped.
pub struct Hold {
    usage: Arc<Usage>,
    model: String,
}

impl Usage {
    pub(crate) fn hold(self: &Arc<Self>, model: &str) -> Hold {
        let mut models = self.lock();
        let now = Instant::now();
        match models.get_mut(model) {
            Some(found) => {
                found.holders += 1;
                found.last = now;
            }
            None => drop(models.insert(model.to_owned(), Use { holders: 1, last: now })),
        }
        Hold { usage: Arc::clone(self), model: model.to_owned() }
    }

    /// Of these models the one that nobody uses and that was used longest ago.
    pub(crate) fn least_recently_used<'a>(&self, models: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let uses = self.lock();
        let idle = models.filter_map(|model| match uses.get(model) {
            Some(found) if found.holders > 0 => None,
            found => Some((found.map(|found| found.last), model)),
        });
        // One that was never used comes first.
        idle.min().map(|(_, model)| model)
    }

    /// Of these models those that nobody has used for so long.
    pub(crate) fn idle_for<'a>(&self, time: Duration, models: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        let (mut uses, now) = (self.lock(), Instant::now());
        let is_idle = |model: &&str| {
            // One that was never used is idle from now on.
            let found = uses.entry((*model).to_owned()).or_insert(Use { holders: 0, last: now });
            found.holders == 0 && now.duration_since(found.last) >= time
        };
        models.filter(is_idle).collect()
    }

    pub(crate) fn notify(&self) {
        self.freed.notify_waiters();
    }

    pub(crate) fn freed(&self) -> tokio::sync::futures::Notified<'_> {
        self.freed.notified()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Use>> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(found) = self.usage.lock().get_mut(&self.model) {
            found.holders = found.holders.saturating_sub(1);
            found.last = Instant::now();
        }
        self.usage.notify();
    }
}

/// What the models take that are in memory, drained ones included.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<String, u64>>);

/// The bytes of one version, given back when dropped.
pub(crate) struct Taken {
    memory: Arc<Memory>,
    usage: Arc<Usage>,
    model: String,
    bytes: u64,
}

impl Memory {
    pub(crate) fn take(self: &Arc<Self>, usage: &Arc<Usage>, model: &str, bytes: u64) -> Taken {
        *self.lock().entry(model.to_owned()).or_default() += bytes;
        Taken { memory: Arc::clone(self), usage: Arc::clone(usage), model: model.to_owned(), bytes }
    }

    /// What all models take.
    pub(crate) fn total(&self) -> u64 {
        self.lock().values().sum()
    }

    /// What these take.
    pub(crate) fn of<'a>(&self, models: impl Iterator<Item = &'a str>) -> u64 {
        let taken = self.lock();
        models.filter_map(|model| taken.get(model)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.memory.lock();
        if let Some(bytes) = taken.get_mut(&self.model) {
            *bytes -= self.bytes;
            if *bytes == 0 {
                taken.remove(&self.model);
            }
        }
        drop(taken);
        self.usage.notify();
    }
}

/// The bytes of the process that are in memory; 0 where the system does not say.
pub(crate) fn resident_bytes() -> u64 {
    // In pages of 4 KiB on every system that has this file and that ONNX Runtime is built for.
    const PAGE: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm").ok();
    let pages = pages.and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(PAGE)
}
