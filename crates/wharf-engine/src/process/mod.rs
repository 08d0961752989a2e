//! Models in processes of their own.
//!
//! An [`IsolatingEngine`] loads a model that asks for it ([`crate::LoadOptions::isolation`]) in a worker process, which is
//! the same program under another command. A fault of native code then ends that process alone: its runs fail, those
//! of other models do not notice, and the process is started again. Its memory goes back to the system when the model
//! is unloaded.
//!
//! Each run has a socket of its own to the worker, over which its tensors are copied once in each direction.

mod child;
mod frame;
mod message;
mod order;
mod spawn;
mod supervisor;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use bytes::Bytes;
use wharf_tensor::{Tensor, TensorSpec};

pub use child::serve_worker;
pub use spawn::{RestartPace, WorkerCommand, WorkerProcess};

use crate::check::{check_inputs, check_outputs};
use crate::{Engine, EngineError, EngineErrorKind, Isolation, LoadOptions, ModelSource, Replica, StopSignal};
use message::{Source, Specs};
use supervisor::{Post, Recipe};
use worker::{Outcome, lost};

/// An engine that loads models into this process, or into workers where that is asked for.
pub struct IsolatingEngine {
    here: Arc<dyn Engine>,
    command: WorkerCommand,
}

impl IsolatingEngine {
    /// `here` for models of this process; `command` starts a worker, whose engine should be the same.
    pub fn new(here: Arc<dyn Engine>, command: WorkerCommand) -> Self {
        Self { here, command }
    }
}

impl Engine for IsolatingEngine {
    fn load(&self, model: ModelSource<'_>, options: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        if options.isolation == Isolation::Shared {
            return self.here.load(model, options);
        }
        let source = match model {
            ModelSource::File(path) => Source::File(std::path::absolute(path).map_err(|error| {
                EngineError::model("the model's file has no path from the root").with_detail(error)
            })?),
            ModelSource::Bytes(bytes) => Source::Bytes(Bytes::copy_from_slice(bytes)),
        };
        let recipe = Recipe { command: self.command.clone(), source, options: options.clone() };
        Ok(Arc::new(ProcessReplica::start(recipe)?))
    }
}

/// A model in a worker process.
struct ProcessReplica {
    post: Arc<Post>,
    specs: Arc<Specs>,
    supervisor: Option<JoinHandle<()>>,
}

impl ProcessReplica {
    fn start(recipe: Recipe) -> Result<Self, EngineError> {
        let post = Arc::new(Post::default());
        let (specs, child) = post.start(&recipe)?;
        post.open();
        let specs = Arc::new(specs);
        let kept = (Arc::clone(&post), Arc::clone(&specs));
        let keep = move || kept.0.keep(&recipe, &kept.1, child);
        let supervisor = thread::Builder::new().name("wharf-worker".to_owned()).spawn(keep);
        let supervisor = supervisor.map_err(|error| {
            post.close();
            EngineError::new(EngineErrorKind::Failed, "there is no thread to watch the model's process")
                .with_detail(error)
        })?;
        Ok(Self { post, specs, supervisor: Some(supervisor) })
    }
}

impl Replica for ProcessReplica {
    fn inputs(&self) -> &[TensorSpec] {
        &self.specs.0
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.specs.1
    }

    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        outputs: &[&str],
        stop: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        let order = check_inputs(self.inputs(), inputs)?;
        let outputs = check_outputs(self.outputs(), outputs)?;
        if stop.is_stopped() {
            return Err(EngineError::stopped());
        }
        let worker = self.post.worker()?;
        match worker.run(order.iter().map(|&place| &inputs[place].1), &outputs, stop) {
            Outcome::Answered(answer) => answer,
            Outcome::Lost(error) => {
                self.post.lose(&worker);
                Err(lost("during the run", &error))
            }
        }
    }

    fn restarts(&self) -> Option<u64> {
        Some(self.post.restarts())
    }
}

impl Drop for ProcessReplica {
    /// The process is gone, and its memory with it, when this returns.
    fn drop(&mut self) {
        self.post.close();
        if let Some(supervisor) = self.supervisor.take() {
            // It does not panic; if it did, there would be nothing to wait for.
            let _ended = supervisor.join();
        }
    }
}
