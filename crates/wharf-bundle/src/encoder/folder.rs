//! Folders as Hugging Face's libraries write them: `model.onnx` or `onnx/model.onnx`, `tokenizer.json`, and what the
//! model is in files beside them.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::sentence::Sentence;
use super::{Encoder, EncoderKind, Pooling, TOKENIZER_FILE};
use crate::BundleError;
use crate::bundle::{read_within, regular_file};

/// Where the weights are in folders that hold one model for several runtimes.
const WEIGHTS: [&str; 2] = ["model.onnx", "onnx/model.onnx"];

/// Heads whose outputs are no vectors of tokens. That of a masked language model may be left out of the graph.
const OTHER_HEADS: [&str; 3] = ["ForTokenClassification", "ForQuestionAnswering", "ForMultipleChoice"];

/// Settings are small; a longer file is something else.
const MAX_BYTES: u64 = 4 << 20;

/// The parts of `config.json` that are of use here.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    architectures: Option<Vec<String>>,
    model_type: Option<String>,
    max_position_embeddings: Option<u64>,
    num_labels: Option<u64>,
    id2label: Option<serde_json::Map<String, serde_json::Value>>,
    sentence_transformers: Option<Activation>,
}

#[derive(Deserialize)]
struct Activation {
    activation_fn: Option<String>,
}

/// The parts of `tokenizer_config.json` that are of use here. A length that nobody set is a 1 with thirty zeros.
#[derive(Deserialize, Default)]
#[serde(default)]
struct TokenizerConfig {
    model_max_length: Option<f64>,
}

/// The weights in a folder that looks like an encoder's, by their place in it.
pub fn encoder_weights(folder: &Path) -> Option<&'static str> {
    let is_there = |name: &str| folder.join(name).exists();
    WEIGHTS.into_iter().find(|weights| is_there(TOKENIZER_FILE) && is_there(weights))
}

/// What the files of a folder say of an encoder in it; `None` where they say that it is none.
///
/// # Errors
/// A file is malformed, or asks for what is not done here; the error names it.
pub(crate) fn read_folder(folder: &Path) -> Result<Option<Encoder>, BundleError> {
    let config: Config = read(folder, "config.json")?.unwrap_or_default();
    let Some(kind) = kind(&config) else { return Ok(None) };
    let tokenizer: TokenizerConfig = read(folder, "tokenizer_config.json")?.unwrap_or_default();
    let sentence = Sentence::read(folder)?;
    let (pooling, normalize) = match kind {
        EncoderKind::Rank => (Pooling::None, !is_identity(&config)),
        EncoderKind::Embed => (sentence.pooling, sentence.normalize),
    };
    let max_tokens = sentence.max_tokens.or_else(|| max_tokens(&config, &tokenizer));
    let architecture = config.model_type.unwrap_or_default();
    Ok(Some(Encoder { kind, pooling, normalize, max_tokens, output: None, architecture }))
}

/// A file of the folder; `None` where it is not there.
pub(super) fn read<T: DeserializeOwned>(folder: &Path, name: &str) -> Result<Option<T>, BundleError> {
    if !folder.join(name).exists() {
        return Ok(None);
    }
    let bytes = read_within(&regular_file(folder, name)?, name, MAX_BYTES)?;
    let wrong = |error| BundleError::settings(name, format!("is not valid: {error}"));
    serde_json::from_slice(&bytes).map(Some).map_err(wrong)
}

/// A head for one label ranks. One that classifies is no encoder, and is asked over the other interfaces.
fn kind(config: &Config) -> Option<EncoderKind> {
    let architectures = config.architectures.as_deref().unwrap_or_default();
    let has_head = |head: &str| architectures.iter().any(|name| name.ends_with(head));
    if has_head("ForSequenceClassification") {
        let labels = config.id2label.as_ref().map(|labels| labels.len() as u64).or(config.num_labels);
        return (labels == Some(1)).then_some(EncoderKind::Rank);
    }
    let is_other = OTHER_HEADS.into_iter().any(has_head);
    (!is_other).then_some(EncoderKind::Embed)
}

/// Whether a ranker's number is meant to stay as the graph gives it.
fn is_identity(config: &Config) -> bool {
    let function = config.sentence_transformers.as_ref().and_then(|it| it.activation_fn.as_deref());
    function.is_some_and(|function| function.ends_with("Identity"))
}

/// As sentence-transformers has it where nothing else is said: as far as the positions and the tokenizer go.
fn max_tokens(config: &Config, tokenizer: &TokenizerConfig) -> Option<u32> {
    // Two positions of these are for padding.
    let is_offset =
        matches!(config.model_type.as_deref(), Some("roberta" | "xlm-roberta" | "camembert" | "mpnet"));
    let positions =
        config.max_position_embeddings.map(|most| most.saturating_sub(if is_offset { 2 } else { 0 }));
    let told = tokenizer.model_max_length.filter(|most| (1.0..=f64::from(u32::MAX)).contains(most));
    let most = [positions, told.map(|most| most as u64)].into_iter().flatten().min()?;
    u32::try_from(most).ok().filter(|most| *most > 0)
}
