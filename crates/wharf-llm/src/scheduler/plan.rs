//! What the next pass computes.

use super::Scheduler;
use super::run::Run;
use crate::{AdapterId, BatchToken, Decoder};

/// Tokens that an answer may bring into one pass; what has more to compute is treated as a prompt.
pub(super) const MOST_PENDING: usize = 64;
/// The part of a neighbour's own prompt that it may have to wait for another's.
const NEIGHBOUR_SHARE: f64 = 0.2;
/// Fewer tokens of a prompt than this are in no pass however short a neighbour's prompts are.
const LEAST_POLITE: usize = 8;
/// A prompt of which no more than this is to be computed may have a pass of its own.
const SHORT: usize = 64;

/// What one answer has in a pass.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Its place among the active.
    pub(super) run: usize,
    /// The place of its first token in the batch.
    pub(super) first: usize,
    /// Tokens of its own.
    pub(super) own: usize,
    /// Guesses after those.
    pub(super) guesses: usize,
}

/// A pass.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) adapter: Option<AdapterId>,
    pub(super) batch: Vec<BatchToken>,
    pub(super) slots: Vec<Slot>,
    /// Tokens of prompts among the batch.
    pub(super) prompt_tokens: usize,
    /// Rows of logits that it gives.
    rows: usize,
    /// Whether a short prompt has this pass for itself.
    pub(super) is_express: bool,
}

impl Plan {
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Tokens that a neighbour waits for without anybody being sure to want them.
    fn optional(&self) -> usize {
        self.prompt_tokens + self.slots.iter().map(|slot| slot.guesses).sum::<usize>()
    }

    fn add(&mut self, place: usize, run: &Run, own: usize, guesses: usize) {
        let Some(sequence) = run.sequence else { return };
        let first = self.batch.len();
        let reaches_end = run.computed + own == run.tokens.len();
        let tokens =
            run.tokens.iter().skip(run.computed).take(own).chain(run.guesser.guesses().iter().take(guesses));
        for (index, &token) in tokens.enumerate() {
            let is_last_own = index + 1 == own && reaches_end;
            let is_measured = run.measures_prompt && run.computed + index < run.prompt;
            let wants_logits = is_last_own || index >= own || is_measured;
            self.rows += usize::from(wants_logits);
            let position = (run.computed + index) as u32;
            self.batch.push(BatchToken { token, position, sequence, wants_logits });
        }
        self.slots.push(Slot { run: place, first, own, guesses });
    }
}

/// What a plan may hold.
#[derive(Clone, Copy)]
struct Scope {
    guesses: bool,
    prompts: bool,
}

impl<D: Decoder + 'static> Scheduler<D> {
    /// Plans a pass for which there is room, whoever has to make way for it.
    pub(super) fn plan(&mut self) -> Plan {
        let mut scope = Scope { guesses: true, prompts: true };
        loop {
            let plan = self.compose(scope);
            if self.cells.make_room(&mut self.decoder, plan.batch.len()) {
                return plan;
            }
            let has_guesses = plan.slots.iter().any(|slot| slot.guesses > 0);
            let has_answers = plan.prompt_tokens < plan.batch.len();
            if has_guesses {
                scope.guesses = false;
            } else if plan.prompt_tokens > 0 && has_answers {
                scope.prompts = false;
            } else if let Some(victim) = self.victim() {
                self.preempt(victim);
                scope.prompts = true;
            } else {
                return Plan::default();
            }
        }
    }

    /// Answers first, then as much of the prompts as fits.
    fn compose(&mut self, scope: Scope) -> Plan {
        let Some(adapter) = self.next_adapter() else { return Plan::default() };
        let mut plan = Plan { adapter, ..Plan::default() };
        if let Some(place) = self.express(adapter).filter(|_| scope.prompts) {
            plan.is_express = true;
            let run = &self.active[place];
            plan.add(place, run, run.pending(), 0);
            plan.prompt_tokens = plan.batch.len();
            return plan;
        }
        self.add_answers(&mut plan, scope);
        if scope.prompts {
            self.add_prompts(&mut plan);
        }
        plan
    }

    /// A short prompt that has the pass for itself: of a caller who has had less than all whose answers grow, and whom their
    /// rows would make wait. Never twice in a row, so that answers go on.
    fn express(&self, adapter: Option<AdapterId>) -> Option<usize> {
        if self.was_express {
            return None;
        }
        let place = *self.places(adapter, true).first()?;
        let run = &self.active[place];
        let (caller, reached) = (&run.namespace.caller, self.reached(run));
        let is_behind = |other: &Run| {
            other.namespace.caller != *caller && self.fair.tag(&other.namespace.caller) > reached
        };
        let mut answers = self.active.iter().filter(|other| !other.is_prefilling()).peekable();
        // The end of a long prompt is not short.
        let all = run.tokens.len().saturating_sub(run.found).max(run.pending());
        let is_short = all <= SHORT.min(self.decoder.shape().batch as usize) && !run.measures_prompt;
        (is_short && answers.peek().is_some() && answers.all(is_behind)).then_some(place)
    }

    /// The adapter of those who were longest without a pass: groups take turns.
    fn next_adapter(&self) -> Option<Option<AdapterId>> {
        let newest = |adapter: Option<AdapterId>| {
            let group = self.active.iter().filter(|run| run.namespace.adapter == adapter);
            group.map(|run| run.last_pass).max()
        };
        self.active.iter().map(|run| run.namespace.adapter).min_by_key(|&adapter| (newest(adapter), adapter))
    }

    /// The places of a group's answers (or prompts), those first that should be.
    fn places(&self, adapter: Option<AdapterId>, prefilling: bool) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.active.len())
            .filter(|&place| {
                let run = &self.active[place];
                run.namespace.adapter == adapter && run.is_prefilling() == prefilling && run.pending() > 0
            })
            .collect();
        places.sort_by(|&a, &b| {
            let (a, b) = (&self.active[a], &self.active[b]);
            if prefilling {
                let turns = self.reached(a).total_cmp(&self.reached(b));
                a.priority.cmp(&b.priority).then(turns).then(a.order.cmp(&b.order))
            } else {
                a.last_pass.cmp(&b.last_pass).then(a.order.cmp(&b.order))
            }
        });
        places
    }

    /// Where a prompt's account stands.
    fn reached(&self, run: &Run) -> f64 {
        let computed = run.computed.saturating_sub(run.found);
        self.fair.reached(&run.namespace.caller, run.tag.unwrap_or(0.0), computed)
    }

    fn add_answers(&mut self, plan: &mut Plan, scope: Scope) {
        let shape = self.decoder.shape();
        let places = self.places(plan.adapter, false);
        // Guesses may take what is left when everybody else has a token and a row.
        let mut spare = (shape.batch as usize).min(self.config.logit_rows).saturating_sub(places.len());
        for place in places {
            let run = &self.active[place];
            let room = (shape.batch as usize).saturating_sub(plan.batch.len());
            if room == 0 || plan.rows >= self.config.logit_rows {
                continue;
            }
            let own = run.pending().min(room);
            let guesses = match scope.guesses && own == run.pending() {
                true => {
                    let polite = self.neighbourly(run).saturating_sub(plan.optional());
                    run.guesser.guesses().len().min(spare).min(room - own).min(polite)
                }
                false => 0,
            };
            spare -= guesses;
            plan.add(place, run, own, guesses);
        }
    }

    fn add_prompts(&mut self, plan: &mut Plan) {
        let places = self.places(plan.adapter, true);
        let answers = plan.batch.len();
        let mut free = (self.decoder.shape().batch as usize).saturating_sub(answers);
        let mut budget = self.rate.chunk(answers, self.config.token_interval).min(free);
        for &place in &places {
            let run = &self.active[place];
            let rows = self.config.logit_rows.saturating_sub(plan.rows);
            let most = if run.measures_prompt { rows } else { usize::MAX };
            let polite = self.neighbourly(run).saturating_sub(plan.optional());
            let limit = budget.min(polite).min(most);
            // The end of a prompt is not worth a pass of its own.
            let own = if run.pending() <= limit + limit / 8 { run.pending().min(free) } else { limit };
            let own = own.min(most);
            if own == 0 {
                continue;
            }
            plan.add(place, run, own, 0);
            plan.prompt_tokens += own;
            free -= own;
            budget = budget.saturating_sub(own).min(free);
        }
        let reached = places.iter().map(|&place| self.reached(&self.active[place]));
        if let Some(tag) = reached.reduce(f64::min) {
            self.fair.serve(tag);
        }
    }

    /// How many tokens of prompts and guesses a pass may have with this one's if another caller is about who asks for little: it would otherwise
    /// wait for this pass longer than for its own answer.
    fn neighbourly(&self, run: &Run) -> usize {
        let shortest = self.fair.shortest_neighbour(&run.namespace.caller, self.clock.now());
        shortest.map_or(usize::MAX, |tokens| ((tokens * NEIGHBOUR_SHARE) as usize).max(LEAST_POLITE))
    }
}
