//! Prefixes in files: written when there is nothing else to do, brought back when a request begins with one.

use super::Scheduler;
use super::run::Run;
use crate::Decoder;
use crate::store::LEAST_TOKENS;

/// Sequences that wait to be stored; of those that are too many nothing is stored.
const WAITING: usize = 64;

impl<D: Decoder + 'static> Scheduler<D> {
    /// Takes note of a sequence that a request is done with.
    pub(super) fn remember(&mut self, run: &Run) {
        let is_worth_it = run.computed >= LEAST_TOKENS && run.namespace.adapter.is_none();
        if let Some(sequence) = run.sequence.filter(|_| self.store.is_some() && is_worth_it)
            && self.unstored.len() < WAITING
        {
            self.unstored.push_back(sequence);
        }
    }

    /// Stores one of them, if it is still kept. False if there was none.
    pub(super) fn store_one(&mut self) -> bool {
        let Some(store) = &mut self.store else { return false };
        while let Some(sequence) = self.unstored.pop_front() {
            let Some((namespace, tokens)) = self.cells.kept(sequence) else { continue };
            let is_new = tokens.len() >= LEAST_TOKENS && namespace.adapter.is_none();
            if is_new && !store.has(namespace, &tokens) {
                store.put(namespace, &tokens, &self.decoder.save(sequence));
                return true;
            }
        }
        false
    }

    /// Brings back the stored prefix of a request that waits, where it has more of it than there is already.
    pub(super) fn recall(&mut self, place: usize) {
        let (Some(store), Some(run)) = (&mut self.store, self.waiting.get_mut(place)) else { return };
        let is_first = !std::mem::replace(&mut run.was_recalled, true);
        if !is_first || run.saved.is_some() || run.namespace.adapter.is_some() {
            return;
        }
        let (namespace, wanted) = (run.namespace.clone(), run.cacheable());
        let known = self.cells.known(&namespace, wanted).length;
        let is_whole = !self.decoder.shape().partial;
        let Some(found) = store.find(&namespace, wanted, is_whole) else { return };
        let common = crate::cache::common_prefix(found, wanted);
        let found = found.to_vec();
        if common < known + LEAST_TOKENS || !self.cells.has_place(found.len()) {
            return;
        }
        let Some(state) = store.load(&namespace, &found) else { return };
        let Some(sequence) = self.cells.claim_empty(&mut self.decoder, &namespace) else { return };
        let has_room = self.cells.make_room(&mut self.decoder, found.len());
        if has_room && self.decoder.restore(sequence, &state) {
            self.cells.append(sequence, &found);
            self.cells.retire(&mut self.decoder, sequence, namespace.as_ref().clone());
        } else {
            self.cells.release(&mut self.decoder, sequence);
        }
    }
}
