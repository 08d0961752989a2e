//! The key-value cache of a decoder: which sequences are free, worked on, or kept for a later request.
//!
//! A sequence that a finished request leaves stays until its cells or its number are needed. The caller that keeps the
//! most cells gives first, and of its sequences the one that was used least recently: a caller who floods the cache
//! drives out what is its own.

#[cfg(test)]
mod tests;
mod tree;

use std::collections::{HashMap, VecDeque};

use wharf_infer::language::TokenId;

use crate::{AdapterId, Decoder, DecoderShape, SequenceId};
pub(crate) use tree::common_prefix;
use tree::{CellTree, Match};

/// Whose prefixes these are: only within one of them are cells shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Namespace {
    pub(crate) caller: String,
    pub(crate) salt: String,
    pub(crate) adapter: Option<AdapterId>,
}

/// How much of a prompt is there already.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known {
    /// Tokens.
    pub(crate) length: usize,
    /// Those of them that a request is working with, so that sharing them takes nothing from anybody.
    pub(crate) live: usize,
}

/// A sequence that nobody works on.
struct Kept {
    sequence: SequenceId,
    namespace: Namespace,
}

/// Keeps book of a decoder's cells; every change of them goes through here.
pub(crate) struct CellBook {
    shape: DecoderShape,
    tree: CellTree,
    free: Vec<SequenceId>,
    /// Least recently used first.
    kept: VecDeque<Kept>,
    keeps_prefixes: bool,
}

impl CellBook {
    pub(crate) fn new(shape: DecoderShape, keeps_prefixes: bool) -> Self {
        let free = (0..shape.sequences).rev().collect();
        Self { shape, tree: CellTree::default(), free, kept: VecDeque::new(), keeps_prefixes }
    }

    /// Cells that are in use.
    pub(crate) fn cells_used(&self) -> usize {
        self.tree.cells()
    }

    /// Cells that could be had by forgetting everything that nobody works on.
    pub(crate) fn available(&self) -> usize {
        (self.shape.cells as usize).saturating_sub(self.tree.live_cells())
    }

    /// Cells that nothing is in.
    fn unused(&self) -> usize {
        (self.shape.cells as usize).saturating_sub(self.tree.cells())
    }

    /// Whether a sequence can be had without taking one from a request.
    pub(crate) fn has_sequence(&self) -> bool {
        !self.free.is_empty() || !self.kept.is_empty()
    }

    /// Whether a sequence and so many cells can be had without taking anything from a request.
    pub(crate) fn has_place(&self, cells: usize) -> bool {
        self.has_sequence() && self.available() >= cells
    }

    /// Whose a kept sequence is, and its tokens; `None` if it is not kept.
    pub(crate) fn kept(&self, sequence: SequenceId) -> Option<(&Namespace, Vec<TokenId>)> {
        let kept = self.kept.iter().find(|kept| kept.sequence == sequence)?;
        Some((&kept.namespace, self.tree.tokens(sequence)))
    }

    /// How many tokens at the beginning of these are there already.
    pub(crate) fn known(&self, namespace: &Namespace, tokens: &[TokenId]) -> Known {
        self.find(namespace, tokens)
            .map_or(Known::default(), |found| Known { length: found.length, live: found.live })
    }

    /// The best sequence to go on from; models whose sequences cannot be cut go on from whole ones only.
    fn find(&self, namespace: &Namespace, tokens: &[TokenId]) -> Option<Match> {
        if !self.keeps_prefixes {
            return None;
        }
        match self.shape.partial {
            true => self.tree.find(namespace, tokens),
            false => self.tree.find_whole(namespace, tokens),
        }
    }

    /// A sequence to work on that begins with as much of `tokens` as is there already, and how much that is. `None` if all
    /// sequences are worked on.
    pub(crate) fn claim<D: Decoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        namespace: &Namespace,
        tokens: &[TokenId],
    ) -> Option<(SequenceId, usize)> {
        let found = self.find(namespace, tokens);
        let source = found.map(|found| found.sequence);
        if self.free.is_empty() {
            let victim = self.victim(|kept| Some(kept.sequence) != source);
            if victim.is_none() {
                return self.take_over(decoder, found);
            }
            self.forget(decoder, victim);
        }
        let sequence = self.free.pop()?;
        self.tree.open(sequence, namespace);
        let Some(found) = found else { return Some((sequence, 0)) };
        self.touch(found.sequence);
        decoder.share(found.sequence, sequence, found.length as u32);
        self.tree.share(found.sequence, sequence, found.length);
        Some((sequence, found.length))
    }

    /// The last kept sequence itself, when it is the one with the prefix and there is no other to write into.
    fn take_over<D: Decoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        found: Option<Match>,
    ) -> Option<(SequenceId, usize)> {
        let found = found?;
        let place = self.kept.iter().position(|kept| kept.sequence == found.sequence)?;
        self.kept.remove(place);
        let length = match decoder.truncate(found.sequence, found.length as u32) {
            true => found.length,
            false => {
                decoder.truncate(found.sequence, 0);
                0
            }
        };
        self.tree.truncate(found.sequence, length);
        self.tree.set_live(found.sequence, true);
        Some((found.sequence, length))
    }

    /// An empty sequence to restore a saved state into.
    pub(crate) fn claim_empty<D: Decoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        namespace: &Namespace,
    ) -> Option<SequenceId> {
        if self.free.is_empty() {
            let victim = self.victim(|_| true);
            self.forget(decoder, victim);
        }
        let sequence = self.free.pop()?;
        self.tree.open(sequence, namespace);
        Some(sequence)
    }

    /// Takes note of tokens that a pass has added.
    pub(crate) fn append(&mut self, sequence: SequenceId, tokens: &[TokenId]) {
        self.tree.append(sequence, tokens);
    }

    /// Cuts a sequence off. False if the model cannot.
    pub(crate) fn truncate<D: Decoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        sequence: SequenceId,
        position: usize,
    ) -> bool {
        if self.tree.length(sequence) <= position {
            return true;
        }
        let done = decoder.truncate(sequence, position as u32);
        if done {
            self.tree.truncate(sequence, position);
        }
        done
    }

    /// Keeps a sequence that its request is done with.
    pub(crate) fn retire<D: Decoder + ?Sized>(
        &mut self,
        decoder: &mut D,
        sequence: SequenceId,
        namespace: Namespace,
    ) {
        if self.tree.length(sequence) == 0 || !self.keeps_prefixes {
            self.release(decoder, sequence);
            return;
        }
        self.tree.set_live(sequence, false);
        self.kept.push_back(Kept { sequence, namespace });
    }

    /// Empties a sequence.
    pub(crate) fn release<D: Decoder + ?Sized>(&mut self, decoder: &mut D, sequence: SequenceId) {
        decoder.truncate(sequence, 0);
        self.tree.close(sequence);
        self.free.push(sequence);
    }

    /// Sees to it that this many cells are unused, at the cost of what is kept. False if that was not enough.
    pub(crate) fn make_room<D: Decoder + ?Sized>(&mut self, decoder: &mut D, cells: usize) -> bool {
        while self.unused() < cells {
            let Some(place) = self.victim(|_| true) else { return false };
            let missing = cells - self.unused();
            if !self.trim(decoder, place, missing) {
                self.forget(decoder, Some(place));
            }
        }
        true
    }

    /// Cuts the end off a kept sequence where that gives enough cells; its beginning stays of use.
    fn trim<D: Decoder + ?Sized>(&mut self, decoder: &mut D, place: usize, missing: usize) -> bool {
        let Some(kept) = self.kept.get(place) else { return false };
        let sequence = kept.sequence;
        let (length, own) = (self.tree.length(sequence), self.tree.own_tail(sequence));
        let cut = missing.max(length / 8);
        if !self.shape.partial || own < cut || length <= cut * 2 {
            return false;
        }
        self.truncate(decoder, sequence, length - cut)
    }

    /// Forgets what is kept of a namespace's adapter.
    pub(crate) fn forget_adapter<D: Decoder + ?Sized>(&mut self, decoder: &mut D, adapter: AdapterId) {
        while let Some(place) = self.kept.iter().position(|kept| kept.namespace.adapter == Some(adapter)) {
            self.forget(decoder, Some(place));
        }
    }

    fn forget<D: Decoder + ?Sized>(&mut self, decoder: &mut D, place: Option<usize>) {
        if let Some(kept) = place.and_then(|place| self.kept.remove(place)) {
            self.release(decoder, kept.sequence);
        }
    }

    fn touch(&mut self, sequence: SequenceId) {
        if let Some(place) = self.kept.iter().position(|kept| kept.sequence == sequence)
            && let Some(kept) = self.kept.remove(place)
        {
            self.kept.push_back(kept);
        }
    }

    /// Which kept sequence goes next: one that others cover entirely, else the least recently used of the caller who
    /// keeps the most.
    fn victim(&self, may_go: impl Fn(&Kept) -> bool) -> Option<usize> {
        let mut by_caller: HashMap<&str, usize> = HashMap::new();
        for (place, kept) in self.kept.iter().enumerate() {
            let own = self.tree.own_tail(kept.sequence);
            if own == 0 && may_go(kept) && self.free.is_empty() {
                return Some(place);
            }
            *by_caller.entry(&kept.namespace.caller).or_default() += self.tree.length(kept.sequence);
        }
        let most = |caller: &str| by_caller.get(caller).copied().unwrap_or(0);
        let candidates = self.kept.iter().enumerate().filter(|(_, kept)| may_go(kept));
        candidates
            .max_by_key(|(place, kept)| (most(&kept.namespace.caller), usize::MAX - place))
            .map(|(place, _)| place)
    }
}
