//! The responses that the server remembers: the newest, within bounds, until it stops.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use wharf_chat::Message;

/// Responses that are remembered.
const MAX_RESPONSES: usize = 4096;
/// What they may take together, by the length of what was said.
const MAX_BYTES: usize = 64 << 20;

/// A response that was given.
#[derive(Debug)]
pub(super) struct Stored {
    /// As it was answered.
    pub(super) document: Value,
    /// What was asked.
    pub(super) items: Vec<Value>,
    /// What was said before and in it, for whoever goes on from there.
    pub(super) messages: Vec<Message>,
}

/// The responses by their names.
#[derive(Debug, Default)]
pub(crate) struct ResponseStore(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    responses: HashMap<String, (Arc<Stored>, usize)>,
    /// Oldest first.
    order: VecDeque<String>,
    bytes: usize,
}

impl ResponseStore {
    pub(super) fn put(&self, id: &str, stored: Stored) {
        let text = |message: &Message| message.content.as_ref().map_or(0, String::len) + 256;
        let spoken: usize = stored.messages.iter().map(text).sum();
        let size = spoken + stored.items.len() * 256 + stored.document.to_string().len();
        let mut kept = self.lock();
        kept.bytes += size;
        kept.order.push_back(id.to_owned());
        kept.responses.insert(id.to_owned(), (Arc::new(stored), size));
        while kept.responses.len() > MAX_RESPONSES || kept.bytes > MAX_BYTES {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.forget(&oldest);
        }
    }

    pub(super) fn get(&self, id: &str) -> Option<Arc<Stored>> {
        self.lock().responses.get(id).map(|(stored, _)| Arc::clone(stored))
    }

    pub(super) fn remove(&self, id: &str) -> Option<()> {
        let mut kept = self.lock();
        kept.order.retain(|other| other != id);
        kept.forget(id)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, id: &str) -> Option<()> {
        let (_, size) = self.responses.remove(id)?;
        self.bytes = self.bytes.saturating_sub(size);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_are_forgotten_first() {
        let store = ResponseStore::default();
        let stored = || Stored { document: Value::Null, items: vec![], messages: vec![] };
        for number in 0..=MAX_RESPONSES {
            store.put(&number.to_string(), stored());
        }
        assert!(store.get("0").is_none() && store.get("1").is_some());
        assert!(store.remove("1").is_some() && store.remove("1").is_none());
        let large = Value::from("x".repeat(MAX_BYTES / 2));
        for id in ["a", "b"] {
            store.put(id, Stored { document: large.clone(), ..stored() });
        }
        assert!(store.get("a").is_none() && store.get("2").is_none());
    }
}
