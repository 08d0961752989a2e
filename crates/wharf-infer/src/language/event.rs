//! What comes back while a model answers.

use super::TokenId;
use crate::ServiceError;

/// A token that might have been, and how probable it was.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenChance {
    /// Its number.
    pub token: TokenId,
    /// Its bytes, which need not be whole characters.
    pub bytes: Vec<u8>,
    /// The natural logarithm of its probability by the model itself: after the logit bias and before temperature, penalties
    /// and cuts.
    pub logprob: f32,
}

/// A token of a prompt or of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct GeneratedToken {
    /// Itself. Its `logprob` is NaN where none was asked for, and for the first token of a prompt.
    pub chosen: TokenChance,
    /// The likeliest, best first, as many as were asked for.
    pub top: Vec<TokenChance>,
}

/// Why a choice is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The model ended it, or the constraint left nothing to add.
    End,
    /// A stop string occurred; this one.
    StopString(String),
    /// The most tokens that were asked for, or that the context holds.
    Length,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, once however many choices share it.
    pub prompt_tokens: u32,
    /// Those of them that an earlier request had left in the cache.
    pub cached_tokens: u32,
    /// Tokens of all choices.
    pub completion_tokens: u32,
    /// Those of them that speculation had guessed.
    pub accepted_guesses: u32,
    /// Guesses that were wrong.
    pub rejected_guesses: u32,
}

/// One step towards the answer. A request has one [`GenerateEvent::Accepted`], then any number of others, and last either
/// [`GenerateEvent::Done`] or [`GenerateEvent::Failed`]; a refused request has only the latter.
#[derive(Clone, Debug)]
pub enum GenerateEvent {
    /// The request fits and has its place in the queue.
    Accepted {
        /// Tokens of the prompt.
        prompt_tokens: u32,
    },
    /// The tokens of the prompt, where their probabilities were asked for.
    Prompt(Vec<GeneratedToken>),
    /// More of a choice.
    Text {
        /// Which, from 0.
        choice: u32,
        /// Whole characters that are certain to belong to the answer; may be empty while a stop string might be on its way.
        text: String,
        /// The tokens of this step; several under speculation, none when held-back text is set free at the end.
        tokens: Vec<GeneratedToken>,
    },
    /// A choice is complete.
    Finished {
        /// Which.
        choice: u32,
        /// Why.
        finish: Finish,
    },
    /// All choices are complete.
    Done(Usage),
    /// There will be no more: refused, or broken on the way. [`crate::ErrorCode::OutOfRange`] means that prompt and answer do
    /// not fit into the context.
    Failed(ServiceError),
}

impl GenerateEvent {
    /// Whether nothing comes after it.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Failed(_))
    }
}
