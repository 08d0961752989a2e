//! Answers that are given again: to a request that is, byte for byte, one which was answered before.
//!
//! A key is a digest of everything that an answer may depend on, so long that nobody finds two requests with the same
//! one; among it is the version as it was loaded, so that no answer outlives it. No lock is held while a model
//! computes: two equal requests that come together are both computed.

mod answer;
mod key;
mod shard;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_infer::NamedTensor;
use wharf_metrics::Counter;

pub(crate) use key::CacheKey;
use shard::{Kept, Shard};

/// What is remembered of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheConfig {
    /// The most bytes that answers take, with what it costs to keep them. Those used longest ago go first.
    pub size_bytes: usize,
    /// The models whose answers are remembered, unless their own configuration says otherwise.
    pub models: BTreeSet<String>,
    /// Whether that is every model.
    pub all_models: bool,
}

impl CacheConfig {
    /// A cache of so many bytes, for the models whose own configuration asks for it.
    pub fn new(size_bytes: usize) -> Self {
        Self { size_bytes, ..Self::default() }
    }

    /// With the answers of one more model.
    #[must_use]
    pub fn with_model(mut self, name: impl Into<String>) -> Self {
        self.models.insert(name.into());
        self
    }

    /// With the answers of every model.
    #[must_use]
    pub fn with_all_models(mut self) -> Self {
        self.all_models = true;
        self
    }

    pub(crate) fn is_for(&self, name: &str) -> bool {
        self.all_models || self.models.contains(name)
    }
}

/// A shard for every so many bytes, so that one can hold an answer of some size,
const SHARD_BYTES: usize = 16 << 20;
/// and no more than so many: a lock is held for a lookup, which is short.
const MAX_SHARDS: usize = 16;

/// The answers of all versions.
pub(crate) struct ResponseCache {
    shards: Box<[Mutex<Shard>]>,
    shard_bytes: usize,
    next_part: AtomicU64,
    evictions: Counter,
}

/// How full a cache is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CacheFill {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) evictions: u64,
}

/// The part of the cache that holds the answers of one loaded version. They go with it.
pub(crate) struct CachePart {
    cache: Arc<ResponseCache>,
    part: u64,
}

impl ResponseCache {
    pub(crate) fn new(size_bytes: usize) -> Arc<Self> {
        let count = (size_bytes / SHARD_BYTES).clamp(1, MAX_SHARDS);
        Arc::new(Self {
            shards: (0..count).map(|_| Mutex::default()).collect(),
            shard_bytes: size_bytes / count,
            next_part: AtomicU64::new(0),
            evictions: Counter::default(),
        })
    }

    /// A place for the answers of a version that is being loaded.
    pub(crate) fn part(self: &Arc<Self>) -> CachePart {
        CachePart { cache: Arc::clone(self), part: self.next_part.fetch_add(1, Ordering::Relaxed) }
    }

    /// How full it is.
    pub(crate) fn fill(&self) -> CacheFill {
        let mut fill = CacheFill { evictions: self.evictions.get(), ..CacheFill::default() };
        for shard in &self.shards {
            let shard = lock(shard);
            fill.entries += shard.len();
            fill.bytes += shard.bytes();
        }
        fill
    }

    fn shard(&self, key: &CacheKey) -> MutexGuard<'_, Shard> {
        lock(&self.shards[key.spread() % self.shards.len()])
    }
}

impl CachePart {
    /// The key of a request for this version.
    pub(crate) fn key(&self, signature: &str, inputs: &[NamedTensor], outputs: &[String]) -> CacheKey {
        CacheKey::new(self.part, signature, inputs, outputs)
    }

    /// What was answered to the request of this key, if that is still known.
    pub(crate) fn find(&self, key: &CacheKey) -> Option<Vec<NamedTensor>> {
        let outputs = self.cache.shard(key).find(key)?;
        Some(outputs.to_vec())
    }

    /// Remembers what was answered to the request of this key.
    pub(crate) fn keep(&self, key: CacheKey, outputs: &[NamedTensor]) {
        let bytes = answer::size_bytes(outputs);
        if bytes > self.cache.shard_bytes {
            return;
        }
        let kept = Kept::new(self.part, answer::copied(outputs), bytes);
        let evicted = self.cache.shard(&key).keep(key, kept, self.cache.shard_bytes);
        // Here the lock is gone: giving back memory takes its time.
        self.cache.evictions.add(evicted.len() as u64);
    }
}

impl Drop for CachePart {
    fn drop(&mut self) {
        for shard in &self.cache.shards {
            let gone = lock(shard).forget(self.part);
            drop(gone);
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
