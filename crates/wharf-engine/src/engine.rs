//! The contract between what serves models and what executes them.

use std::path::Path;
use std::sync::Arc;

use wharf_infer::language::LanguageModel;
use wharf_tensor::{Tensor, TensorSpec};

use crate::{EngineError, StopSignal};

/// Something that can execute weights.
pub trait Engine: Send + Sync {
    /// Makes a replica of a model. Blocks for as long as reading and optimising the model takes.
    ///
    /// # Errors
    /// The model cannot be read, is malformed, or needs what the engine cannot do.
    fn load(&self, model: ModelSource<'_>, options: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError>;

    /// The bytes that a model in a file will take once it is loaded, where that can be told from the file.
    fn memory_bytes(&self, file: &Path) -> Option<u64> {
        let _unread = file;
        None
    }
}

/// Where the weights are.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ModelSource<'a> {
    /// A `model.onnx`. Data that it keeps in other files must lie beside it.
    File(&'a Path),
    /// The bytes of a `model.onnx` that has all of its data within.
    Bytes(&'a [u8]),
}

/// Where a model runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// In this process, with the others.
    #[default]
    Shared,
    /// In a process of its own, so that a fault of native code takes nobody with it. Tensors are copied to it and back.
    Process,
}

/// How a model is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoadOptions {
    /// How many threads one run uses within an operator, the caller's included; at least 1.
    pub intra_threads: usize,
    /// How many operators may run side by side in one run; 1 runs them one after the other.
    pub inter_threads: usize,
    /// Whether idle threads spin while they wait for work: shorter runs for a busy server, a burnt core for
    /// an idle one.
    pub allow_spinning: bool,
    /// Whether the runtime remembers an allocation plan for every set of input shapes it meets: a little
    /// faster where shapes repeat, and memory that grows with every new shape where they do not.
    pub memory_pattern: bool,
    /// Whether the runtime may fuse and reorder operators. Without, every value within the graph is computed as the
    /// graph says, which is slower; for looking at them.
    pub graph_optimisation: bool,
    /// Where it runs. Only a [`crate::IsolatingEngine`] has other processes.
    pub isolation: Isolation,
}

impl Default for LoadOptions {
    /// One thread for a run: a server has many runs at once, and the cores are theirs.
    fn default() -> Self {
        Self {
            intra_threads: 1,
            inter_threads: 1,
            allow_spinning: false,
            memory_pattern: false,
            graph_optimisation: true,
            isolation: Isolation::Shared,
        }
    }
}

impl LoadOptions {
    /// With this many threads within an operator; 0 counts as 1.
    #[must_use]
    pub fn with_intra_threads(mut self, threads: usize) -> Self {
        self.intra_threads = threads.max(1);
        self
    }

    /// With this many operators side by side; 0 counts as 1.
    #[must_use]
    pub fn with_inter_threads(mut self, threads: usize) -> Self {
        self.inter_threads = threads.max(1);
        self
    }

    /// With idle threads spinning or not.
    #[must_use]
    pub fn with_spinning(mut self, allow: bool) -> Self {
        self.allow_spinning = allow;
        self
    }

    /// In this process or in one of its own.
    #[must_use]
    pub fn with_isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = isolation;
        self
    }

    /// With operators fused and reordered or not.
    #[must_use]
    pub fn with_graph_optimisation(mut self, allow: bool) -> Self {
        self.graph_optimisation = allow;
        self
    }

    /// With allocation plans remembered or not.
    #[must_use]
    pub fn with_memory_pattern(mut self, remember: bool) -> Self {
        self.memory_pattern = remember;
        self
    }
}

/// One loaded model. Any number of threads may call it at once.
pub trait Replica: Send + Sync {
    /// What the graph takes.
    fn inputs(&self) -> &[TensorSpec];

    /// What the graph gives.
    fn outputs(&self) -> &[TensorSpec];

    /// Runs the model on `inputs`, in any order, and gives `outputs`, in the order asked for; no names mean
    /// all of [`Replica::outputs`]. Ends early with [`crate::EngineErrorKind::Stopped`] once `stop` says so.
    ///
    /// # Errors
    /// An input is unknown, missing, given twice, or of the wrong type or shape; an output is unknown; the
    /// run was stopped or failed.
    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        outputs: &[&str],
        stop: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError>;

    /// [`Replica::run_until`] with nothing to stop it.
    ///
    /// # Errors
    /// As [`Replica::run_until`].
    fn run(&self, inputs: &[(&str, Tensor)], outputs: &[&str]) -> Result<Vec<Tensor>, EngineError> {
        self.run_until(inputs, outputs, &StopSignal::never())
    }

    /// How often the model's own process had to be started again; `None` for a model that has none.
    fn restarts(&self) -> Option<u64> {
        None
    }

    /// The same model as one that writes text or embeds it, where it is such a model.
    fn language_model(&self) -> Option<Arc<dyn LanguageModel>> {
        None
    }
}
