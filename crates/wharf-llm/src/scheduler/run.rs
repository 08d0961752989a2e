//! Requests and their answers inside the scheduler.

use std::sync::Arc;
use std::time::Instant;

use wharf_infer::language::{GenerateEvent, GenerateSink, GeneratedToken, TokenId, Usage};

use super::answer::Answer;
use crate::SequenceId;
use crate::cache::Namespace;

/// A request, for as long as any of its answers is open.
pub(super) struct Job {
    pub(super) sink: Box<dyn GenerateSink>,
    /// Answers that are not complete.
    pub(super) open: usize,
    pub(super) usage: Usage,
    pub(super) arrived: Instant,
    pub(super) deadline: Option<Instant>,
    /// Nobody listens.
    pub(super) is_gone: bool,
    /// Probabilities of the prompt's tokens so far, and how many are named beside each.
    pub(super) prompt_chances: Option<(u8, Vec<GeneratedToken>)>,
}

impl Job {
    /// Hands an event over.
    pub(super) fn send(&mut self, event: GenerateEvent) {
        if !self.is_gone && !self.sink.event(event) {
            self.is_gone = true;
        }
    }
}

/// One answer of a request: a sequence that grows.
pub(super) struct Run {
    pub(super) job: u64,
    pub(super) choice: u32,
    pub(super) namespace: Arc<Namespace>,
    pub(super) priority: i32,
    /// Its place among all answers that ever came.
    pub(super) order: u64,
    /// Its turn among the callers, once it has one.
    pub(super) tag: Option<f64>,
    /// Tokens that it found in the cache when it got its turn.
    pub(super) found: usize,
    /// Prompt and answer.
    pub(super) tokens: Vec<TokenId>,
    /// Tokens of the prompt.
    pub(super) prompt: usize,
    /// Tokens that the decoder's sequence has.
    pub(super) computed: usize,
    pub(super) sequence: Option<SequenceId>,
    /// The sequence's state, while it had to make way.
    pub(super) saved: Option<Vec<u8>>,
    /// Whether it was looked for among the prefixes in files.
    pub(super) was_recalled: bool,
    pub(super) answer: Answer,
    /// Whether the probabilities of the prompt are wanted, which takes all of it being computed.
    pub(super) measures_prompt: bool,
    /// The pass it was last part of.
    pub(super) last_pass: u64,
    pub(super) last_token: Option<Instant>,
    /// Complete, and to be put away.
    pub(super) is_finished: bool,
    pub(super) guesser: crate::guess::Guesser,
}

impl Run {
    /// Tokens that the decoder has not seen.
    pub(super) fn pending(&self) -> usize {
        self.tokens.len() - self.computed
    }

    /// Whether its prompt is being computed, or all of it again.
    pub(super) fn is_prefilling(&self) -> bool {
        self.computed < self.prompt || self.pending() > super::plan::MOST_PENDING
    }

    /// The tokens that may come from the cache: the last one is always computed, for its logits.
    pub(super) fn cacheable(&self) -> &[TokenId] {
        match self.measures_prompt {
            true => &[],
            false => self.tokens.get(..self.tokens.len().saturating_sub(1)).unwrap_or_default(),
        }
    }
}
