//! Making way: an answer gives up its sequence and goes on later where it stopped.

use std::sync::atomic::Ordering;

use super::Scheduler;
use crate::Decoder;

/// Fewer tokens are sooner computed again than put back.
const WORTH_SAVING: usize = 16;

impl<D: Decoder + 'static> Scheduler<D> {
    /// Takes the sequence from an answer and puts it back into the queue. Its tag stays, so its turn comes before that of
    /// later ones.
    pub(super) fn preempt(&mut self, place: usize) {
        let mut run = self.active.remove(place);
        self.metrics.preemptions += 1;
        self.fair.set_running(&run.namespace.caller, false);
        if let Some(sequence) = run.sequence.take() {
            if run.computed >= WORTH_SAVING && self.saved_bytes < self.config.saved_bytes {
                let state = self.decoder.save(sequence);
                self.saved_bytes += state.len();
                run.saved = Some(state);
            } else {
                run.computed = 0;
            }
            self.cells.release(&mut self.decoder, sequence);
        }
        self.waiting.push(run);
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Who makes way when cells run out: the least urgent, and of those the latest, but never the one that has waited
    /// longest, so that there is always one that comes to its end.
    pub(super) fn victim(&self) -> Option<usize> {
        let oldest = self.active.iter().map(|run| run.order).min()?;
        let others = self.active.iter().enumerate().filter(|(_, run)| run.order != oldest);
        others.max_by_key(|(_, run)| (run.priority, run.order)).map(|(place, _)| place)
    }
}
