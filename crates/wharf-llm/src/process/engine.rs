//! An engine whose models are language models in processes of their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wharf_bundle::{DRAFT_FILE, adapter_of_file};
use wharf_engine::{Engine, EngineError, EngineErrorKind, LoadOptions, ModelSource, Replica, WorkerCommand};
use wharf_gguf::{Estimate, Header};
use wharf_metrics::machine::available_memory;

use super::memory;
use super::replica::engine_error;
use super::{LlmOptions, LlmProcess, OpenRequest, ProcessConfig};
use crate::TurnKeeper;

/// How often a thread of OpenMP looks for the others before it sleeps, some microseconds. Its own default of milliseconds
/// takes the time of everything else on the machine; with none, each operation of a pass goes through the kernel. Measured
/// in `docs/language-models.md`.
const SPINS: &str = "1000";

/// What whoever starts the server says, or else our own.
fn spins() -> String {
    std::env::var("GOMP_SPINCOUNT").unwrap_or_else(|_| SPINS.to_owned())
}

/// Opens `.gguf` files in worker processes.
#[derive(Clone, Debug)]
pub struct LlmEngine {
    config: ProcessConfig,
    options: LlmOptions,
}

impl LlmEngine {
    /// `command` starts a worker ([`super::serve_llm_worker`]); models are opened with `options`.
    pub fn new(command: WorkerCommand, options: LlmOptions) -> Self {
        let command = command.with_variable("GOMP_SPINCOUNT", spins()).with_variable("OMP_DYNAMIC", "false");
        // Where an assertion of llama.cpp fails, it would run a debugger before it ends the process.
        let command = command.with_variable("GGML_NO_BACKTRACE", "1");
        let turns = TurnKeeper::new().map(Arc::new);
        if let Err(error) = &turns {
            tracing::warn!(%error, "models at once will be slow: they cannot take turns");
        }
        Self { config: ProcessConfig { turns: turns.ok(), ..ProcessConfig::new(command) }, options }
    }

    /// Opens a model with options of its own.
    ///
    /// # Errors
    /// The file is no model that is whole, or its process cannot open it.
    pub fn open(&self, file: &Path, options: &LlmOptions) -> Result<LlmProcess, EngineError> {
        // The worker works in a folder of its own.
        let file = std::path::absolute(file).map_err(|error| {
            let message = "the model's file has no path from the root";
            EngineError::new(EngineErrorKind::InvalidModel, message).with_detail(error)
        })?;
        let (draft, adapters) = companions(&file);
        let mut options = options.clone();
        options.draft = options.draft.or(draft);
        memory::check(&estimate_with(&file, &options)?, available_memory())?;
        let turns = self.config.turns.as_ref().map(|turns| turns.files());
        let request = OpenRequest { file, options, adapters, turns };
        LlmProcess::start(self.config.clone(), request).map_err(|error| engine_error(&error))
    }

    /// The memory that a model will take with the options of this engine, its draft included.
    ///
    /// # Errors
    /// A file is none of a model that is whole.
    pub fn estimate(&self, file: &Path) -> Result<Estimate, EngineError> {
        let mut options = self.options.clone();
        options.draft = options.draft.or(companions(file).0);
        estimate_with(file, &options)
    }
}

impl Engine for LlmEngine {
    /// `options` are of graphs and have no say here.
    fn load(&self, model: ModelSource<'_>, _: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        match model {
            ModelSource::File(file) => Ok(Arc::new(self.open(file, &self.options)?)),
            _ => {
                let message = "a language model is a file, expected a path";
                Err(EngineError::new(EngineErrorKind::InvalidModel, message))
            }
        }
    }

    fn memory_bytes(&self, file: &Path) -> Option<u64> {
        self.estimate(file).ok().map(|estimate| estimate.total())
    }
}

/// What lies beside a model's file: `draft.gguf`, which guesses ahead, and adapters, each of the name before `.lora.gguf`.
pub fn companions(file: &Path) -> (Option<PathBuf>, BTreeMap<String, PathBuf>) {
    let folder = file.parent().unwrap_or(Path::new("."));
    let draft = Some(folder.join(DRAFT_FILE)).filter(|draft| draft.is_file() && draft != file);
    let adapter = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let name = adapter_of_file(path.file_name()?.to_str()?)?.to_owned();
        Some((name, path))
    };
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    (draft, entries.filter_map(adapter).collect())
}

/// The memory of a model whose draft, if it has one, is among the options.
fn estimate_with(file: &Path, options: &LlmOptions) -> Result<Estimate, EngineError> {
    let draft = options.draft.as_deref().map(header).transpose()?;
    memory::estimate_all(&header(file)?, draft.as_ref(), options).map_err(refused)
}

fn header(file: &Path) -> Result<Header, EngineError> {
    let header = Header::open(file).map_err(refused)?;
    header.check_model().map_err(refused)?;
    Ok(header)
}

fn refused(error: wharf_gguf::GgufError) -> EngineError {
    let failure = EngineError::new(EngineErrorKind::InvalidModel, error.to_string());
    match std::error::Error::source(&error) {
        Some(source) => failure.with_detail(source),
        None => failure,
    }
}
