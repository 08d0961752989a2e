//! The runtime's process-wide state: made once, kept until the process ends.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::library::Surroundings;
use super::version;
use crate::{EngineError, EngineErrorKind};

/// A static is never dropped, so no session outlives the environment.
static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);

/// The environment and the library it came from.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) environment: Environment,
    pub(super) path: PathBuf,
    /// Such as `1.24.0`.
    pub(super) version: Arc<str>,
}

/// What is loaded; loads the library at `path`, or where the search finds it, if none is.
pub(super) fn get_or_load(path: Option<&Path>) -> Result<Loaded, EngineError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    match (&*loaded, path) {
        (Some(loaded), None) => return Ok(loaded.clone()),
        (Some(loaded), Some(path)) if loaded.path == path => return Ok(loaded.clone()),
        (Some(loaded), Some(path)) => return Err(loaded_twice(&loaded.path, path)),
        (None, _) => {}
    }
    let path = path.map_or_else(|| Surroundings::of_process().find(), |path| Ok(path.to_owned()))?;
    let environment = load(&path)?;
    let version = version::of_library(&path).unwrap_or_else(|problem| {
        tracing::debug!(problem, "the runtime's version is not known");
        "unknown".to_owned()
    });
    Ok(loaded.insert(Loaded { environment, path, version: version.into() }).clone())
}

fn load(path: &Path) -> Result<Environment, EngineError> {
    let fail = |detail: String| {
        let message = format!("cannot use the ONNX Runtime at {}: {detail}", path.display());
        EngineError::new(EngineErrorKind::LibraryMissing, message)
    };
    let builder = ort::init_from(path).map_err(|error| fail(error.to_string()))?;
    let environment = builder
        .with_name("wharf")
        .with_telemetry(false)
        .with_logger(Arc::new(forward))
        .build()
        .map_err(|error| fail(error.to_string()))?;
    environment.set_log_level(LogLevel::Warning);
    tracing::debug!(library = %path.display(), build = ort::info(), "ONNX Runtime loaded");
    Ok(environment)
}

/// Hands what the runtime logs to the log of the process. It may name paths and never goes to callers.
fn forward(level: LogLevel, category: &str, _id: &str, location: &str, message: &str) {
    match level {
        LogLevel::Fatal | LogLevel::Error => {
            tracing::error!(target: "onnxruntime", category, location, "{message}")
        }
        LogLevel::Warning => tracing::debug!(target: "onnxruntime", category, location, "{message}"),
        _ => tracing::trace!(target: "onnxruntime", category, location, "{message}"),
    }
}

fn loaded_twice(from: &Path, path: &Path) -> EngineError {
    let (from, path) = (from.display(), path.display());
    let message = format!("ONNX Runtime is loaded from {from} already, a process cannot also load {path}");
    EngineError::new(EngineErrorKind::LibraryMissing, message)
}
