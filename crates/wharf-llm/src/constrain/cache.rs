//! Compiled grammars that may be asked for again.

use std::collections::{HashMap, VecDeque};

use llguidance::Matcher;

/// Whose, of which kind, from which text.
pub(super) type Key = (String, &'static str, String);

/// What a compiled grammar takes at least, besides a multiple of its text.
const BYTES_OF_A_GRAMMAR: usize = 32 << 10;
/// How much larger the compiled form of a text is, about.
const GROWTH: usize = 8;

/// Matchers at their beginning, the least recently used of which go first.
pub(super) struct GrammarCache {
    most_bytes: usize,
    bytes: usize,
    matchers: HashMap<Key, Matcher>,
    order: VecDeque<Key>,
}

impl GrammarCache {
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { most_bytes, bytes: 0, matchers: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Matcher> {
        let matcher = self.matchers.get(key)?.clone();
        if let Some(place) = self.order.iter().position(|other| other == key)
            && let Some(key) = self.order.remove(place)
        {
            self.order.push_back(key);
        }
        Some(matcher)
    }

    pub(super) fn insert(&mut self, key: Key, matcher: Matcher) {
        let bytes = size(&key);
        if bytes > self.most_bytes || self.matchers.contains_key(&key) {
            return;
        }
        while self.bytes + bytes > self.most_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= size(&oldest);
            self.matchers.remove(&oldest);
        }
        self.bytes += bytes;
        self.order.push_back(key.clone());
        self.matchers.insert(key, matcher);
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn size(key: &Key) -> usize {
    BYTES_OF_A_GRAMMAR + (key.0.len() + key.2.len()) * GROWTH
}
