//! Who of those who wait gets a sequence.

use std::sync::atomic::Ordering;

use super::Scheduler;
use super::run::Run;
use crate::Decoder;
use crate::cache::{Known, common_prefix};

/// Cells that an answer will want before long.
const HEADROOM: usize = 32;
/// A prefix that another request is about to have computed is waited for if it is at least this much longer than what is
/// there already.
const WORTH_WAITING: usize = 16;
/// Answers at the head of the queue that are looked at in one step.
const LOOKED_AT: usize = 32;

impl<D: Decoder + 'static> Scheduler<D> {
    /// Gives sequences to those whose turn it is.
    pub(super) fn admit(&mut self) {
        while !self.waiting.is_empty() && self.admit_one() {}
    }

    /// True if one was given.
    fn admit_one(&mut self) -> bool {
        for place in self.by_turn() {
            self.recall(place);
            let Some(run) = self.waiting.get(place) else { continue };
            let known = match run.saved {
                Some(_) => Known::default(),
                None => self.cells.known(&run.namespace, run.cacheable()),
            };
            if self.waits_for_twin(run, known) {
                continue;
            }
            return self.has_place(place, known) && self.give_sequence(place);
        }
        false
    }

    /// The head of the queue, by priority and turn.
    fn by_turn(&self) -> Vec<usize> {
        let tag = |run: &Run| run.tag.unwrap_or_else(|| self.fair.tag(&run.namespace.caller));
        let mut places: Vec<(i32, f64, u64, usize)> = self
            .waiting
            .iter()
            .enumerate()
            .map(|(place, run)| (run.priority, tag(run), run.order, place))
            .collect();
        let by_turn = |a: &(i32, f64, u64, usize), b: &(i32, f64, u64, usize)| {
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
        };
        if places.len() > LOOKED_AT {
            places.select_nth_unstable_by(LOOKED_AT, by_turn);
            places.truncate(LOOKED_AT);
        }
        places.sort_unstable_by(by_turn);
        places.into_iter().map(|(_, _, _, place)| place).collect()
    }

    /// Whether another answer is just computing a prefix that this one needs as well. Answers of one request always wait
    /// for each other, so that their prompt is computed once.
    fn waits_for_twin(&self, run: &Run, known: Known) -> bool {
        if !self.config.prefix_cache || run.measures_prompt || run.saved.is_some() {
            return false;
        }
        let wanted = run.cacheable();
        self.active.iter().any(|other| {
            if other.namespace != run.namespace || other.priority > run.priority || !other.is_prefilling() {
                return false;
            }
            let worth = if other.job == run.job { 1 } else { WORTH_WAITING };
            let common = common_prefix(&other.tokens, wanted);
            common >= known.length + worth && other.computed < common
        })
    }

    /// Whether a sequence and cells are to be had, if need be from someone whose turn it is less.
    fn has_place(&mut self, place: usize, known: Known) -> bool {
        let Some(run) = self.waiting.get(place) else { return false };
        let needed = run.tokens.len() + run.answer.left().min(HEADROOM) - known.live;
        loop {
            let promised: usize =
                self.active.iter().map(|run| run.pending() + run.answer.left().min(HEADROOM)).sum();
            let has_cells = self.active.is_empty() || self.cells.available() >= promised + needed;
            if self.cells.has_sequence() && has_cells {
                return true;
            }
            let Some(victim) = self.waiting.get(place).and_then(|run| self.less_deserving(run)) else {
                return false;
            };
            self.preempt(victim);
        }
    }

    /// Someone who runs although this one should: of lower priority, or one of several of a caller who is further on in
    /// its account, while this caller has none.
    fn less_deserving(&self, run: &Run) -> Option<usize> {
        let caller = &run.namespace.caller;
        let tag = run.tag.unwrap_or_else(|| self.fair.tag(caller));
        let has_none = self.fair.running(caller) == 0;
        let oldest = self.active.iter().map(|run| run.order).min();
        let yields = |other: &Run| {
            let is_later = other.tag.is_some_and(|other| other > tag);
            let has_several = self.fair.running(&other.namespace.caller) > 1;
            let unfair = has_none && has_several && is_later && other.priority >= run.priority;
            Some(other.order) != oldest && (other.priority > run.priority || unfair)
        };
        let candidates = self.active.iter().enumerate().filter(|(_, other)| yields(other));
        candidates.max_by_key(|(_, other)| (other.priority, other.order)).map(|(place, _)| place)
    }

    /// Moves an answer from the queue to those that get tokens.
    fn give_sequence(&mut self, place: usize) -> bool {
        let Some(run) = self.waiting.get_mut(place) else { return false };
        if let Some(saved) = run.saved.take() {
            self.saved_bytes -= saved.len();
            if let Some(sequence) = self.cells.claim_empty(&mut self.decoder, &run.namespace) {
                let has_room = self.cells.make_room(&mut self.decoder, run.computed);
                if has_room && self.decoder.restore(sequence, &saved) {
                    self.cells.append(sequence, run.tokens.get(..run.computed).unwrap_or_default());
                    run.sequence = Some(sequence);
                } else {
                    self.cells.release(&mut self.decoder, sequence);
                }
            }
            run.computed = if run.sequence.is_some() { run.computed } else { 0 };
        }
        if run.sequence.is_none() {
            let claimed = self.cells.claim(&mut self.decoder, &run.namespace, run.cacheable());
            let Some((sequence, shared)) = claimed else { return false };
            run.sequence = Some(sequence);
            run.computed = shared;
        }
        let run = self.waiting.swap_remove(place);
        self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
        self.welcome(run);
        true
    }

    /// Counts an answer in that got its sequence.
    fn welcome(&mut self, mut run: Run) {
        self.fair.set_running(&run.namespace.caller, true);
        if run.tag.is_none() {
            run.found = run.computed;
            run.tag = Some(self.fair.admit(&run.namespace.caller, run.pending(), self.clock.now()));
            self.metrics.prefix_queries += run.prompt as u64;
            self.metrics.prefix_hits += run.computed as u64;
            if let Some(job) = self.jobs.get_mut(&run.job) {
                self.metrics.queue_time.record(self.clock.now().saturating_duration_since(job.arrived));
                if run.choice == 0 {
                    job.usage.cached_tokens = run.computed as u32;
                }
            }
        }
        self.active.push(run);
    }
}
