//! A request for text.

use std::collections::BTreeMap;

use super::TokenId;
use crate::Deadline;

/// A piece of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextPart {
    /// The text itself.
    pub text: String,
    /// Whether the names of control tokens in it mean those tokens: true for a template's own text, false for what a
    /// caller wrote.
    pub is_markup: bool,
}

/// What the model is to go on from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Text, and whether the vocabulary's own first and last tokens are put around it where the model wants them.
    Text {
        /// The text, in pieces that are read one after the other.
        parts: Vec<TextPart>,
        /// A rendered template has its own first token already.
        with_special: bool,
    },
    /// Tokens, taken as they are.
    Tokens(Vec<TokenId>),
}

/// How the next token is drawn. The defaults change nothing: the model's own distribution.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 takes the likeliest token every time.
    pub temperature: f32,
    /// Only the likeliest `top_k` tokens; 0 for all.
    pub top_k: u32,
    /// Only the likeliest tokens that make up this probability; 1 for all.
    pub top_p: f32,
    /// Only tokens at least this probable, relative to the likeliest; 0 for all.
    pub min_p: f32,
    /// Only the tokens of most typical information that make up this probability; 1 for all.
    pub typical_p: f32,
    /// Divides the logit of a token that has occurred, in prompt or answer, if it is positive and multiplies it if not; 1 for none.
    pub repetition_penalty: f32,
    /// Taken from a token's logit for every time that it was generated.
    pub frequency_penalty: f32,
    /// Taken from a token's logit once it was generated.
    pub presence_penalty: f32,
    /// Added to the logits of some tokens.
    pub logit_bias: BTreeMap<TokenId, f32>,
    /// The same seed gives the same answer; none draws one.
    pub seed: Option<u64>,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            typical_p: 1.0,
            repetition_penalty: 1.0,
            frequency_penalty: 0.0,
            presence_penalty: 0.0,
            logit_bias: BTreeMap::new(),
            seed: None,
        }
    }
}

/// What the answer must look like.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// A JSON document that this schema, itself JSON, allows.
    JsonSchema(String),
    /// Any JSON object.
    JsonObject,
    /// Text that this regular expression matches from its first to its last character.
    Regex(String),
    /// One of these.
    Choice(Vec<String>),
    /// Text of this grammar, in Lark's notation as `llguidance` reads it.
    Grammar(String),
    /// Free text until one of the triggers occurs; from there on the grammar that goes with it. For tools that a model may
    /// call or not.
    Triggered(Vec<(String, Box<Constraint>)>),
}

/// Whose work it is, for a fair share of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Who asks: callers take turns by the tokens that they cost. Prefixes are kept for each caller apart.
    pub caller: String,
    /// A prefix cache of its own within the caller's.
    pub cache_salt: String,
    /// 0 is the default; lower goes first.
    pub priority: i32,
}

/// Text to be continued.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateRequest {
    /// The text before.
    pub prompt: Prompt,
    /// How many answers; at least 1.
    pub choices: u32,
    /// How tokens are drawn.
    pub sampling: Sampling,
    /// At most this many tokens for each choice; none for as many as the context holds.
    pub max_tokens: Option<u32>,
    /// No end before this many.
    pub min_tokens: u32,
    /// Whether the model's end token is a token like others.
    pub ignore_end: bool,
    /// Ends a choice; not part of the answer.
    pub stop: Vec<String>,
    /// The likeliest tokens to name with each token of the answer; none for no probabilities at all.
    pub logprobs: Option<u8>,
    /// The same for the tokens of the prompt; the first has none.
    pub prompt_logprobs: Option<u8>,
    /// What the answer must look like.
    pub constraint: Option<Constraint>,
    /// A LoRA adapter by name.
    pub adapter: Option<String>,
    /// Whose work it is.
    pub share: Share,
    /// Until when the answer is of use.
    pub deadline: Deadline,
}

impl GenerateRequest {
    /// One answer with the defaults of [`Sampling`].
    pub fn new(prompt: Prompt) -> Self {
        Self {
            prompt,
            choices: 1,
            sampling: Sampling::default(),
            max_tokens: None,
            min_tokens: 0,
            ignore_end: false,
            stop: Vec::new(),
            logprobs: None,
            prompt_logprobs: None,
            constraint: None,
            adapter: None,
            share: Share::default(),
            deadline: Deadline::NONE,
        }
    }
}
