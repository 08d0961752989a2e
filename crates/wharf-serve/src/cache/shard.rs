//! Answers under one lock, in the order in which they were last used.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wharf_infer::NamedTensor;

use super::CacheKey;

/// Some of the answers.
#[derive(Default)]
pub(super) struct Shard {
    kept: HashMap<CacheKey, Kept>,
    /// The keys by the time of their last use.
    order: BTreeMap<u64, CacheKey>,
    /// Goes on with every use.
    clock: u64,
    bytes: usize,
}

/// An answer that is remembered.
pub(super) struct Kept {
    part: u64,
    outputs: Arc<[NamedTensor]>,
    bytes: usize,
    last_use: u64,
}

impl Kept {
    pub(super) fn new(part: u64, outputs: Arc<[NamedTensor]>, bytes: usize) -> Self {
        Self { part, outputs, bytes, last_use: 0 }
    }
}

impl Shard {
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The answer under a key, which counts as used.
    pub(super) fn find(&mut self, key: &CacheKey) -> Option<Arc<[NamedTensor]>> {
        let kept = self.kept.get_mut(key)?;
        self.order.remove(&kept.last_use);
        self.clock += 1;
        kept.last_use = self.clock;
        self.order.insert(self.clock, *key);
        Some(Arc::clone(&kept.outputs))
    }

    /// Puts an answer under its key, and gives back those that have to make place for it within `limit` bytes. One that
    /// is there already stays: it is the same.
    pub(super) fn keep(&mut self, key: CacheKey, mut kept: Kept, limit: usize) -> Vec<Kept> {
        if self.find(&key).is_some() {
            return Vec::new();
        }
        let mut evicted = Vec::new();
        while self.bytes.saturating_add(kept.bytes) > limit {
            let Some(oldest) = self.order.values().next().copied() else { break };
            evicted.extend(self.remove(&oldest));
        }
        self.clock += 1;
        kept.last_use = self.clock;
        self.bytes += kept.bytes;
        self.order.insert(self.clock, key);
        self.kept.insert(key, kept);
        evicted
    }

    /// Takes out all answers of a part.
    pub(super) fn forget(&mut self, part: u64) -> Vec<Kept> {
        let of_part = self.kept.iter().filter(|(_, kept)| kept.part == part);
        let keys: Vec<CacheKey> = of_part.map(|(key, _)| *key).collect();
        keys.iter().filter_map(|key| self.remove(key)).collect()
    }

    fn remove(&mut self, key: &CacheKey) -> Option<Kept> {
        let kept = self.kept.remove(key)?;
        self.order.remove(&kept.last_use);
        self.bytes -= kept.bytes;
        Some(kept)
    }
}
