//! Guesses for the next pass.

use wharf_infer::language::TokenId;

use super::Scheduler;
use crate::Decoder;

impl<D: Decoder + 'static> Scheduler<D> {
    /// Guesses how the answers go on, where that pays.
    pub(super) fn guess(&mut self) {
        if self.config.guesses.most == 0 || !self.decoder.shape().partial {
            return;
        }
        let price = self.rate.price_of_a_guess();
        for run in self.active.iter_mut().filter(|run| !run.is_prefilling()) {
            let most = run.answer.left().saturating_sub(1);
            run.guesser.look_up(&run.tokens, most, price);
        }
        if self.draft.is_some() {
            self.let_draft_guess(price);
        }
    }

    /// Lets the smaller model guess for those whose text has no precedent, all of them together.
    fn let_draft_guess(&mut self, price: f64) {
        let price = price + self.rate.price_of_a_draft();
        let mut wanted: Vec<(usize, usize, Vec<TokenId>)> = Vec::new();
        for (place, run) in self.active.iter_mut().enumerate().filter(|(_, run)| !run.is_prefilling()) {
            let most = run.answer.left().saturating_sub(1);
            let count = run.guesser.wanted_of_draft(most, price);
            if count > 0 {
                wanted.push((place, count, run.tokens.clone()));
            }
        }
        let start = self.clock.now();
        let mut guessed = 0;
        for ahead in 0.. {
            wanted.retain(|(_, count, _)| *count > ahead);
            if wanted.is_empty() {
                break;
            }
            let made = self.draft_pass(&mut wanted, ahead);
            guessed += made;
            if made == 0 {
                break;
            }
        }
        self.rate.record_draft(guessed, self.clock.now().saturating_duration_since(start));
    }

    /// One guess more for each; those it cannot guess for drop out. How many were made.
    fn draft_pass(&mut self, wanted: &mut Vec<(usize, usize, Vec<TokenId>)>, ahead: usize) -> usize {
        let Some(draft) = &mut self.draft else { return 0 };
        let mut rows = Vec::new();
        for (place, _, tokens) in wanted.iter() {
            rows.push(draft.feed(self.active[*place].order, tokens));
        }
        match draft.pass() {
            Ok(true) => {}
            Ok(false) => return 0,
            // The answers go on without it.
            Err(_) => {
                self.draft = None;
                return 0;
            }
        }
        let mut rows = rows.into_iter();
        let (active, scratch) = (&mut self.active, &mut self.tools.scratch);
        wanted.retain_mut(|(place, _, tokens)| {
            let Some(row) = rows.next().flatten() else { return false };
            let run = &mut active[*place];
            let Some(token) = run.answer.foresee(draft.logits(row), ahead, scratch) else { return false };
            run.guesser.push(token);
            tokens.push(token);
            true
        });
        wanted.len()
    }
}
