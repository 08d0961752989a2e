//! ONNX Runtime.

mod environment;
mod failure;
mod library;
mod rank;
mod replica;
mod session;
#[cfg(test)]
mod tests;
mod value;
mod version;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use environment::Loaded;

use crate::{Engine, EngineError, EngineErrorKind, Isolation, LoadOptions, ModelSource, Replica};

/// Where the engine finds its library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OnnxConfig {
    /// The library itself; where it is absent the engine looks for it: in `ORT_DYLIB_PATH`, beside the
    /// executable, in `../lib` from there, then in `deps/onnxruntime/lib` of the folders above the executable
    /// and above the current directory.
    pub library: Option<PathBuf>,
}

impl OnnxConfig {
    /// With this library and no other.
    #[must_use]
    pub fn with_library(mut self, path: impl Into<PathBuf>) -> Self {
        self.library = Some(path.into());
        self
    }

    /// Loads the library, if no engine of this process has yet, and makes an engine over it.
    ///
    /// # Errors
    /// The library is missing or too old. The message says where it was looked for and how to get it.
    pub fn build(self) -> Result<OnnxEngine, EngineError> {
        Ok(OnnxEngine { loaded: environment::get_or_load(self.library.as_deref())? })
    }
}

/// ONNX Runtime on the CPU. Cheap to clone: a process loads the library once.
#[derive(Clone, Debug)]
pub struct OnnxEngine {
    loaded: Loaded,
}

impl OnnxEngine {
    /// An engine over the library that [`OnnxConfig`] finds by default.
    ///
    /// # Errors
    /// As [`OnnxConfig::build`].
    pub fn new() -> Result<Self, EngineError> {
        OnnxConfig::default().build()
    }

    /// The library's file.
    pub fn library_path(&self) -> &Path {
        &self.loaded.path
    }

    /// The library's version, such as `1.24.0`.
    pub fn library_version(&self) -> &str {
        &self.loaded.version
    }
}

impl Engine for OnnxEngine {
    fn load(&self, model: ModelSource<'_>, options: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        if options.isolation != Isolation::Shared {
            return Err(EngineError::new(EngineErrorKind::Failed, "this engine has no worker processes"));
        }
        let session = session::open(&self.loaded.environment, model, options)?;
        Ok(Arc::new(replica::OnnxReplica::new(session)?))
    }
}
