//! One answer while it is written: from a row of logits to a token, its text, and whether that is the end.

use toktrie::SimpleVob;
use wharf_infer::ServiceError;
use wharf_infer::language::{Finish, GeneratedToken, TokenChance, TokenId};

use super::prepare::{Prepared, normalized};
use crate::constrain::{CompiledConstraint, ConstraintState, Drawn};
use crate::sampling::{Sampler, Scratch, chances, random};
use crate::text::AnswerText;
use crate::{SharedVocabulary, Vocabulary};

/// What all answers use.
pub(super) struct Tools {
    pub(super) vocabulary: SharedVocabulary,
    /// The tokens that end an answer.
    pub(super) ends: Vec<TokenId>,
    pub(super) scratch: Scratch,
}

impl Tools {
    pub(super) fn new(vocabulary: SharedVocabulary) -> Self {
        let ends = (0..vocabulary.size() as TokenId).filter(|&token| vocabulary.is_end(token)).collect();
        Self { vocabulary, ends, scratch: Scratch::default() }
    }
}

/// What a pass adds to an answer.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) text: String,
    pub(super) tokens: Vec<GeneratedToken>,
    pub(super) finish: Option<Finish>,
    /// Tokens that were produced, an end token among them.
    pub(super) produced: u32,
    /// Those of them that a constraint left no choice about.
    pub(super) forced: u32,
}

/// The state of an answer.
pub(super) struct Answer {
    sampler: Sampler,
    text: AnswerText,
    constraint: Option<ConstraintState>,
    produced: usize,
    max_tokens: usize,
    min_tokens: usize,
    ignore_end: bool,
    logprobs: Option<u8>,
}

impl Answer {
    pub(super) fn new(prepared: &Prepared, seed: u64, choice: u32) -> Self {
        let request = &prepared.request;
        let seed = random::seed_of_choice(seed, choice);
        let constraint = prepared.constraint.as_ref().map(CompiledConstraint::begin);
        Self {
            sampler: Sampler::new(normalized(&request.sampling), seed, &prepared.prompt),
            text: AnswerText::new(&request.stop),
            constraint,
            produced: 0,
            max_tokens: prepared.max_tokens,
            min_tokens: request.min_tokens as usize,
            ignore_end: request.ignore_end,
            logprobs: request.logprobs,
        }
    }

    /// Tokens that may still come.
    pub(super) fn left(&self) -> usize {
        self.max_tokens.saturating_sub(self.produced)
    }

    /// What would be drawn from a row so many tokens ahead, if it were this model's: a guess.
    pub(super) fn foresee(&self, logits: &[f32], ahead: usize, scratch: &mut Scratch) -> Option<TokenId> {
        self.sampler.foresee(logits, ahead, scratch)
    }

    /// Ends an answer that may have no tokens at all.
    pub(super) fn end_at_length(&mut self, progress: &mut Progress) -> bool {
        if self.left() > 0 {
            return false;
        }
        self.finish(Finish::Length, progress);
        true
    }

    /// Draws the next token from a row. `None` if there is nothing to add.
    ///
    /// # Errors
    /// The row has no finite number, or the constraint cannot go on.
    pub(super) fn draw(
        &mut self,
        logits: &[f32],
        tools: &mut Tools,
        progress: &mut Progress,
    ) -> Result<Option<TokenId>, ServiceError> {
        let ruled_out = if self.produced < self.min_tokens { tools.ends.as_slice() } else { &[] };
        let mask = match &mut self.constraint {
            Some(constraint) => constraint.mask(tools.vocabulary.as_ref(), &tools.ends)?,
            None => None,
        };
        let is_bound = mask.is_some() || !ruled_out.is_empty();
        let mask = mask.as_ref().map(SimpleVob::as_slice);
        let token = self.sampler.draw(logits, mask, ruled_out, &mut tools.scratch);
        let Some(token) = token else {
            if !is_bound {
                return Err(ServiceError::internal(
                    "the model failed",
                    "a row of logits has no finite number",
                ));
            }
            self.finish(Finish::End, progress);
            return Ok(None);
        };
        let drawn = match &mut self.constraint {
            Some(constraint) => constraint.amend(token, tools.vocabulary.as_ref()),
            None => Drawn::plain(token),
        };
        let chance = self.chance(logits, drawn.token, tools);
        let token = drawn.token;
        self.accept(drawn, chance, tools.vocabulary.as_ref(), progress)?;
        Ok(Some(token))
    }

    /// The token with its probability, where that was asked for.
    fn chance(&self, logits: &[f32], token: TokenId, tools: &mut Tools) -> GeneratedToken {
        let vocabulary = tools.vocabulary.as_ref();
        match self.logprobs {
            Some(top) => {
                chances(logits, self.sampler.bias(), token, usize::from(top), vocabulary, &mut tools.scratch)
            }
            None => unmeasured(token, vocabulary),
        }
    }

    /// Appends a token.
    fn accept(
        &mut self,
        drawn: Drawn,
        generated: GeneratedToken,
        vocabulary: &dyn Vocabulary,
        progress: &mut Progress,
    ) -> Result<(), ServiceError> {
        let token = drawn.token;
        self.sampler.accept(token);
        self.produced += 1;
        progress.produced += 1;
        let is_end = vocabulary.is_end(token) && drawn.shown.is_none();
        if is_end && (!self.ignore_end || self.constraint.is_some()) {
            self.finish(Finish::End, progress);
            return Ok(());
        }
        progress.tokens.push(generated);
        let bytes = drawn.shown.as_deref().map_or(vocabulary.bytes(token), str::as_bytes);
        let may_stop = self.produced >= self.min_tokens;
        let stopped = self.text.push(bytes, may_stop, &mut progress.text);
        if let Some(stop) = stopped {
            progress.finish = Some(Finish::StopString(stop));
            return Ok(());
        }
        let is_complete = match &mut self.constraint {
            Some(constraint) => constraint.accept(token)?,
            None => false,
        };
        if is_complete {
            self.finish(Finish::End, progress);
        } else if self.left() == 0 {
            self.finish(Finish::Length, progress);
        }
        Ok(())
    }

    /// Appends the tokens that the constraint leaves no choice about, and gives them. They need no row of their own, so
    /// there are none where probabilities were asked for.
    pub(super) fn take_forced(
        &mut self,
        tools: &Tools,
        progress: &mut Progress,
    ) -> Result<Vec<TokenId>, ServiceError> {
        let forced = match &mut self.constraint {
            Some(constraint) if self.logprobs.is_none() && progress.finish.is_none() => constraint.forced(),
            _ => Vec::new(),
        };
        let mut taken = Vec::new();
        let vocabulary = tools.vocabulary.as_ref();
        for token in forced {
            if progress.finish.is_some() || vocabulary.is_end(token) {
                break;
            }
            self.accept(Drawn::plain(token), unmeasured(token, vocabulary), vocabulary, progress)?;
            progress.forced += 1;
            taken.push(token);
        }
        Ok(taken)
    }

    fn finish(&mut self, finish: Finish, progress: &mut Progress) {
        self.text.finish(&mut progress.text);
        progress.finish = Some(finish);
    }
}

/// A token without probabilities.
pub(super) fn unmeasured(token: TokenId, vocabulary: &dyn Vocabulary) -> GeneratedToken {
    let chosen = TokenChance { token, bytes: vocabulary.bytes(token).to_vec(), logprob: f32::NAN };
    GeneratedToken { chosen, top: Vec::new() }
}
