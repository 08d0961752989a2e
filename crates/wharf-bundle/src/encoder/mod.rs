//! Encoders of text: what a manifest says of one, and what a folder from elsewhere does.

mod folder;
mod sentence;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::BundleError;

pub use folder::encoder_weights;
pub(crate) use folder::read_folder;

/// The file that says how an encoder's text becomes tokens, beside its weights.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// How the graph of a bundle is asked with text.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// What it gives.
    pub kind: EncoderKind,
    /// How the vectors of a text's tokens become the one of the text.
    #[serde(default)]
    pub pooling: Pooling,
    /// Whether a vector is scaled to length 1, and a ranker's number put between 0 and 1 by the logistic function.
    #[serde(default)]
    pub normalize: bool,
    /// The most tokens of a text, those that the tokenizer puts around it included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The graph's output with the vectors; where it is not said, the one that usually has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The architecture, as the files that it came from name it (`bert`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub architecture: String,
}

/// What an encoder gives for a text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EncoderKind {
    /// A vector.
    #[default]
    Embed,
    /// For a question and a document: how well the one answers the other.
    Rank,
}

/// How the vectors of tokens become one vector. Tokens of the mask alone count. The names are those of
/// sentence-transformers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Pooling {
    /// Their mean.
    #[default]
    Mean,
    /// Their sum, divided by the square root of how many there are.
    MeanSqrtLen,
    /// The first one's.
    Cls,
    /// The last one's.
    Last,
    /// In each dimension the largest number.
    Max,
    /// The graph gives one vector for each text itself.
    None,
}

impl Pooling {
    /// Its name, as manifests have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::MeanSqrtLen => "mean_sqrt_len",
            Self::Cls => "cls",
            Self::Last => "last",
            Self::Max => "max",
            Self::None => "none",
        }
    }
}

impl Encoder {
    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// A text may have no tokens, or a ranker pools.
    pub(crate) fn check(&self) -> Result<(), BundleError> {
        if self.max_tokens == Some(0) {
            return Err(BundleError::manifest("`max_tokens` of the encoder is 0, expected at least 1"));
        }
        if self.kind == EncoderKind::Rank && self.pooling != Pooling::None {
            return Err(BundleError::manifest("a ranker has a `pooling`, expected `none`"));
        }
        Ok(())
    }
}
