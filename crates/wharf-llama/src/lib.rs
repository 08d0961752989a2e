//! llama.cpp behind the contracts of wharf-llm: [`LlamaDecoder`] runs forward passes, [`LlamaVocabulary`] knows the tokens.
//!
//! llama.cpp ends the process where one of its assertions fails, so that all of this belongs into a worker process
//! (`wharf_llm::serve_llm_worker`) that opens only files whose header `wharf_gguf` has read.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use wharf_llama::{LlamaConfig, open};
//! use wharf_llm::{Decoder as _, Vocabulary as _};
//!
//! let (decoder, vocabulary) = open(Path::new("model.gguf"), &LlamaConfig::default())?;
//! println!("{} tokens, {} cells", vocabulary.size(), decoder.shape().cells);
//! # Ok::<(), wharf_llama::LlamaError>(())
//! ```

mod config;
mod cuts;
mod decoder;
mod embedder;
mod error;
mod model;
mod native;
mod vocabulary;

use std::path::Path;
use std::sync::Arc;

pub use config::{CacheType, LlamaConfig};
pub use decoder::LlamaDecoder;
pub use error::{LlamaError, LlamaErrorKind};
pub use model::open_model;
pub use native::{AbortHandle, system_information, unused_features};
pub use vocabulary::LlamaVocabulary;

/// Opens a model for writing text. Its weights are mapped, and shared by the two.
///
/// # Errors
/// llama.cpp cannot load the file, or there is no memory for its cache.
pub fn open(file: &Path, config: &LlamaConfig) -> Result<(LlamaDecoder, LlamaVocabulary), LlamaError> {
    let model = Arc::new(native::Model::load(file)?);
    let vocabulary = LlamaVocabulary::new(&model);
    Ok((LlamaDecoder::new(&model, config)?, vocabulary))
}
