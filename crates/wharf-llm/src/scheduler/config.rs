//! What a scheduler may do.

use std::collections::HashMap;
use std::time::Duration;

/// The limits and aims of a scheduler.
#[derive(Clone, Debug, PartialEq)]
pub struct SchedulerConfig {
    /// The longest that an answer should wait for its next token because of other prompts.
    pub token_interval: Duration,
    /// Answers that may wait for their turn; more are refused as overloaded.
    pub queue: usize,
    /// Answers that one request may ask for.
    pub choices: u32,
    /// Stop strings that one request may have.
    pub stop_strings: usize,
    /// Bytes of all stop strings of a request.
    pub stop_bytes: usize,
    /// Rows of logits that one pass gives at most; a decoder keeps memory for each.
    pub logit_rows: usize,
    /// The share of each caller; 1 for those not named.
    pub weights: HashMap<String, f64>,
    /// What a caller who asked for little may get at once before others have their turn again, in tokens.
    pub burst_tokens: u32,
    /// Bytes of memory for the states of answers that had to make way; beyond it they are computed again.
    pub saved_bytes: usize,
    /// Whether the tokens of finished requests stay for later ones.
    pub prefix_cache: bool,
    /// What may be guessed.
    pub guesses: GuessConfig,
    /// What a constraint may cost.
    pub constraints: ConstraintConfig,
}

/// How tokens are guessed ahead and checked together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuessConfig {
    /// Whether earlier text is looked up for what may follow.
    pub from_text: bool,
    /// Guesses for one answer in one pass at most; 0 switches guessing off.
    pub most: usize,
    /// Tokens that must be equal for text to be taken as a precedent.
    pub least_match: usize,
}

/// Bounds on constraints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConstraintConfig {
    /// Bytes of a schema, expression or grammar.
    pub source_bytes: usize,
    /// Bytes of source text whose compiled forms are kept.
    pub cache_bytes: usize,
    /// How large a compiled grammar may become, in the units of `llguidance`.
    pub grammar_size: usize,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            token_interval: Duration::from_millis(200),
            queue: 1024,
            choices: 128,
            stop_strings: 64,
            stop_bytes: 16 << 10,
            logit_rows: 256,
            weights: HashMap::new(),
            burst_tokens: 2048,
            saved_bytes: 1 << 30,
            prefix_cache: true,
            guesses: GuessConfig::default(),
            constraints: ConstraintConfig::default(),
        }
    }
}

impl Default for GuessConfig {
    fn default() -> Self {
        Self { from_text: true, most: 8, least_match: 3 }
    }
}

impl Default for ConstraintConfig {
    fn default() -> Self {
        Self { source_bytes: 1 << 20, cache_bytes: 16 << 20, grammar_size: 500_000 }
    }
}
