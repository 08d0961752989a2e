//! How a model is opened in its process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::TurnFiles;

/// How a model is opened. What is 0 or none is left to the model or the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LlmOptions {
    /// Tokens that one request may have; 0 for as many as the model was trained on, and
    /// 8192 at most.
    pub context: u32,
    /// Tokens that all requests together may keep; 0 for as many as one may have.
    pub cells: u32,
    /// How many sequences there may be; 0 for 16.
    pub sequences: u32,
    /// Threads that compute; 0 for one on each core.
    pub threads: u32,
    /// Tokens in one pass at most; 0 for 512.
    pub batch: u32,
    /// A smaller model with the same tokens that guesses ahead.
    pub draft: Option<PathBuf>,
    /// What numbers of the cache are stored as: `f32`, `f16`, `bf16`, `q8_0` or `q4_0`.
    pub cache_type: Option<String>,
    /// Whether attention is computed without its matrix in memory.
    pub flash_attention: Option<bool>,
    /// Whether a build may be used that leaves vector instructions of the processor unused.
    pub slow_build: bool,
    /// Tokens that are guessed ahead for one answer in one pass at most; 0 for none, and none for 8.
    pub guesses: Option<u32>,
    /// A folder in which prefixes survive a restart, in a folder of each model's own.
    pub prefixes: Option<PathBuf>,
    /// Bytes that the prefixes of one model may take there.
    pub prefix_bytes: u64,
}

/// Tokens that a model has room for where nobody says, however many it was trained on: more is memory that most never use.
const DEFAULT_CONTEXT: u32 = 8192;

impl LlmOptions {
    /// Tokens that one request may have, and that all together may keep, of a model that was trained on `trained`.
    pub fn room(&self, trained: u64) -> (u32, u32) {
        let trained = u32::try_from(trained).unwrap_or(u32::MAX);
        let context = if self.context == 0 { trained.min(DEFAULT_CONTEXT) } else { self.context };
        (context, self.cells.max(context))
    }
}

/// A model to be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// Its file.
    pub file: PathBuf,
    /// How.
    pub options: LlmOptions,
    /// Adapters that it has from the start, by name.
    pub adapters: BTreeMap<String, PathBuf>,
    /// Where it stands in line with other models for its passes; none where it is alone.
    pub turns: Option<TurnFiles>,
}
