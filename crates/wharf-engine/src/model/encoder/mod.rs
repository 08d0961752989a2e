//! An encoder: a graph over tokens that is asked with text.
//!
//! Beside what the graph itself takes, such a model has two signatures: [`TOKENS_SIGNATURE`], whose requests can be joined
//! and filled up to a common length, and [`TEXT_SIGNATURE`], which a server takes apart into such requests.

mod graph;
mod load;
#[cfg(test)]
mod tests;
mod text;

use wharf_bundle::{Encoder, EncoderKind};
use wharf_encode::{EncodeError, TextTokenizer, TokenBatch, TokenRow};
use wharf_infer::{ErrorCode, NamedTensor, ServiceError};

use graph::{GraphInputs, Part};
pub(super) use text::in_order;

/// The signature of texts.
pub const TEXT_SIGNATURE: &str = "text";
/// The signature of tokens: what the graph takes, to one vector for each row.
pub const TOKENS_SIGNATURE: &str = "tokens";
/// The input with the texts; for a ranker, with the questions.
pub const TEXT_INPUT: &str = "text";
/// A ranker's input with the documents, one for each question.
pub const PAIR_INPUT: &str = "text_pair";

/// The most tokens of a text where neither the bundle nor the graph says: beyond it the memory for one is a risk.
const DEFAULT_MAX_TOKENS: usize = 8192;

/// No text has so many bytes for each of its tokens, unless most of it is blanks,
const BYTES_OF_A_TOKEN: usize = 256;
/// or so few that cutting it takes no time.
const LONG_TEXT: usize = 1 << 16;

/// A tokenizer and a graph that fit each other.
#[derive(Debug)]
pub struct LoadedEncoder {
    tokenizer: TextTokenizer,
    settings: Encoder,
    inputs: GraphInputs,
    /// The graph's output with the vectors.
    vectors: String,
    size: usize,
    max_tokens: usize,
}

impl LoadedEncoder {
    /// What the bundle says of it.
    pub fn settings(&self) -> &Encoder {
        &self.settings
    }

    /// What turns texts into tokens.
    pub fn tokenizer(&self) -> &TextTokenizer {
        &self.tokenizer
    }

    /// Whether it ranks pairs of texts.
    pub fn is_ranker(&self) -> bool {
        self.settings.kind == EncoderKind::Rank
    }

    /// Numbers in a vector.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The most tokens of a text.
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    /// What is put after the elements of each input of [`TOKENS_SIGNATURE`] to lengthen it.
    pub fn paddings(&self) -> impl Iterator<Item = (&str, u32)> {
        self.inputs.each().map(|(spec, part)| {
            let value = if part == Part::Ids { self.tokenizer.pad() } else { 0 };
            (spec.name.as_str(), value)
        })
    }

    /// The tokens of a text; `with_special` puts the tokenizer's own around it.
    ///
    /// # Errors
    /// There are more than the model takes ([`ErrorCode::OutOfRange`]), or the tokenizer can make nothing of it.
    pub fn row(&self, text: &str, with_special: bool) -> Result<TokenRow, ServiceError> {
        self.check_bytes(text.len())?;
        self.checked(self.tokenizer.encode(text, with_special).map_err(|error| refused(&error))?)
    }

    /// The tokens of a pair of texts.
    ///
    /// # Errors
    /// As [`LoadedEncoder::row`].
    pub fn pair(&self, first: &str, second: &str) -> Result<TokenRow, ServiceError> {
        self.check_bytes(first.len().saturating_add(second.len()))?;
        self.checked(self.tokenizer.encode_pair(first, second).map_err(|error| refused(&error))?)
    }

    /// Tokens that a caller chose.
    ///
    /// # Errors
    /// There are none or more than the model takes, or one is not in the vocabulary.
    pub fn tokens(&self, ids: Vec<u32>) -> Result<TokenRow, ServiceError> {
        let max = self.tokenizer.max_id();
        if let Some(id) = ids.iter().find(|id| **id > max) {
            return Err(ServiceError::invalid_argument(format!(
                "token {id} is not in the vocabulary, expected at most {max}"
            )));
        }
        self.checked(TokenRow::of_ids(ids))
    }

    /// Refuses what can only be too long before it is cut into as many tokens as it has letters.
    fn check_bytes(&self, bytes: usize) -> Result<(), ServiceError> {
        let most = self.max_tokens.saturating_mul(BYTES_OF_A_TOKEN).max(LONG_TEXT);
        if bytes <= most {
            return Ok(());
        }
        let tokens = self.max_tokens;
        let text = format!("a text has {bytes} bytes, expected at most {most}, for {tokens} tokens");
        Err(ServiceError::new(ErrorCode::OutOfRange, text))
    }

    fn checked(&self, row: TokenRow) -> Result<TokenRow, ServiceError> {
        if row.is_empty() {
            return Err(ServiceError::invalid_argument("a text has no tokens, expected at least one"));
        }
        if row.len() > self.max_tokens {
            let text = format!("a text has {} tokens, expected at most {}", row.len(), self.max_tokens);
            return Err(ServiceError::new(ErrorCode::OutOfRange, text));
        }
        Ok(row)
    }

    /// The inputs of [`TOKENS_SIGNATURE`] for some rows, all as long as the longest, or as the graph will have it.
    ///
    /// # Errors
    /// They are too large together.
    pub fn inputs(&self, rows: &[TokenRow]) -> Result<Vec<NamedTensor>, ServiceError> {
        let tokens = self.inputs.fixed_length().unwrap_or(0);
        let batch = TokenBatch::new(rows, tokens, self.tokenizer.pad(), self.inputs.dtype())?;
        Ok(self
            .inputs
            .each()
            .map(|(spec, part)| NamedTensor::new(spec.name.as_str(), part.of(&batch)))
            .collect())
    }
}

fn refused(error: &EncodeError) -> ServiceError {
    ServiceError::invalid_argument(format!("a text {error}"))
}
