//! The engines of a server: one for each kind of weights.

use std::path::Path;
use std::sync::Arc;

use wharf_bundle::EngineKind;
use wharf_engine::{Engine, EngineError, LoadOptions, ModelSource, Replica, WorkerCommand};
use wharf_llm::{LlmEngine, LlmOptions};

use super::worker;

/// An engine that has the weights decide which one loads them.
struct ByFile {
    graphs: Arc<dyn Engine>,
    language: LlmEngine,
}

impl Engine for ByFile {
    fn load(&self, model: ModelSource<'_>, options: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        match model {
            ModelSource::File(path) if is_language_model(path) => self.language.load(model, options),
            _ => self.graphs.load(model, options),
        }
    }

    fn memory_bytes(&self, file: &Path) -> Option<u64> {
        match is_language_model(file) {
            true => self.language.memory_bytes(file),
            false => self.graphs.memory_bytes(file),
        }
    }
}

fn is_language_model(path: &Path) -> bool {
    path.to_str().and_then(EngineKind::of_file) == Some(EngineKind::Llama)
}

/// Engines that have this program as their workers; language models are opened with `options`. The name of the running
/// program's file stays good when that is replaced by a newer one.
pub(super) fn all(options: LlmOptions) -> anyhow::Result<Arc<dyn Engine>> {
    let command = WorkerCommand::new("/proc/self/exe", ["worker", "llm"]);
    Ok(Arc::new(ByFile { graphs: worker::isolating_engine()?, language: LlmEngine::new(command, options) }))
}
