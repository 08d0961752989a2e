//! The contract between the scheduler and what runs forward passes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wharf_infer::language::{TextPart, TokenId};

/// A row of the key-value cache, from 0 to one less than [`DecoderShape::sequences`].
pub type SequenceId = u32;

/// An adapter that a decoder has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AdapterId(pub u32);

/// What a decoder has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderShape {
    /// Numbers in a row of logits.
    pub vocabulary: usize,
    /// Tokens that all sequences together may keep; shared ones count once.
    pub cells: u32,
    /// How many sequences there may be.
    pub sequences: u32,
    /// Tokens in one pass at most.
    pub batch: u32,
    /// Tokens that one sequence may have.
    pub context: u32,
    /// Whether sequences can be shared and truncated at any token; false for recurrent and sliding-window models, of which
    /// only whole sequences can be shared.
    pub partial: bool,
}

/// One token of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchToken {
    /// What it is.
    pub token: TokenId,
    /// Where in its sequence, from 0.
    pub position: u32,
    /// Of which sequence.
    pub sequence: SequenceId,
    /// Whether the logits after it are wanted.
    pub wants_logits: bool,
}

/// Why a pass gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeFault {
    /// No cells are left; nothing of the batch was kept.
    NoRoom,
    /// It was aborted from outside; nothing of the batch was kept.
    Aborted,
    /// It was asked for what this decoder does not do; it goes on.
    Unsupported(String),
    /// The decoder is of no use any more.
    Broken(String),
}

impl fmt::Display for DecodeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("the key-value cache is full"),
            Self::Aborted => f.write_str("the pass was aborted"),
            Self::Unsupported(what) => f.write_str(what),
            Self::Broken(why) => write!(f, "the decoder failed: {why}"),
        }
    }
}

impl std::error::Error for DecodeFault {}

/// Runs forward passes over sequences that share a key-value cache. One thread owns it.
pub trait Decoder {
    /// What it has room for.
    fn shape(&self) -> DecoderShape;

    /// One pass: every token is added to its sequence.
    ///
    /// # Errors
    /// Nothing of the batch was kept.
    fn decode(&mut self, batch: &[BatchToken]) -> Result<(), DecodeFault>;

    /// The logits after the token at this index of the last batch, which must have wanted them.
    fn logits(&self, index: usize) -> &[f32];

    /// Lets `to`, which is empty, share the first `end` tokens of `from` without a copy.
    fn share(&mut self, from: SequenceId, to: SequenceId, end: u32);

    /// Forgets the tokens of a sequence from `position` on. False if this model cannot forget just that; then nothing
    /// was forgotten. 0 always works.
    fn truncate(&mut self, sequence: SequenceId, position: u32) -> bool;

    /// The state of a sequence as bytes, for [`Decoder::restore`].
    fn save(&self, sequence: SequenceId) -> Vec<u8>;

    /// Puts a saved state into an empty sequence. False if there is no room or the bytes are of another model.
    fn restore(&mut self, sequence: SequenceId, state: &[u8]) -> bool;

    /// The adapter that all passes from now on use.
    ///
    /// # Errors
    /// The decoder does not have it.
    fn use_adapter(&mut self, adapter: Option<AdapterId>) -> Result<(), DecodeFault>;

    /// Loads an adapter from a file.
    ///
    /// # Errors
    /// The file is none of an adapter of this model, or the decoder has no adapters.
    fn load_adapter(&mut self, file: &Path) -> Result<AdapterId, DecodeFault> {
        let _unread = file;
        Err(DecodeFault::Unsupported("this model takes no adapters".to_owned()))
    }

    /// Gives an adapter's memory back. The adapter that passes use is none afterwards.
    fn unload_adapter(&mut self, adapter: AdapterId) {
        let _unknown = adapter;
    }

    /// One vector for each text; a decoder that ranks gives one number. Each text must fit into one pass.
    ///
    /// # Errors
    /// A text is too long, or the decoder gives no vectors.
    fn embed(&mut self, inputs: &[Vec<TokenId>]) -> Result<Vec<Vec<f32>>, DecodeFault> {
        let _unread = inputs;
        Err(DecodeFault::Unsupported("this model gives no embeddings".to_owned()))
    }
}

/// The tokens of a model: any thread may ask.
pub trait Vocabulary: Send + Sync {
    /// How many there are.
    fn size(&self) -> usize;

    /// The tokens of a text; `with_special` puts the vocabulary's own first and last around it where the model wants them.
    fn tokenize(&self, parts: &[TextPart], with_special: bool) -> Vec<TokenId>;

    /// The bytes that a token stands for in text; empty for control tokens.
    fn bytes(&self, token: TokenId) -> &[u8];

    /// The name of a control token; `None` for the others.
    fn control_name(&self, token: TokenId) -> Option<&str>;

    /// Whether a token ends an answer.
    fn is_end(&self, token: TokenId) -> bool;

    /// The token that ends an answer by default.
    fn end(&self) -> Option<TokenId>;

    /// The token that begins every text, where the model wants one.
    fn begin(&self) -> Option<TokenId>;
}

/// A vocabulary that threads share.
pub type SharedVocabulary = Arc<dyn Vocabulary>;
