//! `wharf worker`: a model in a process of its own, for `wharf serve`.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use anyhow::{Context, bail};
use wharf_engine::{Engine, IsolatingEngine, WorkerCommand, serve_worker};
use wharf_llm::serve_llm_worker;

use super::goldens;
use crate::cli::WorkerKind;

/// An engine that has this program as its workers. The name of the running program's file stays good when that is
/// replaced by a newer one.
pub(super) fn isolating_engine() -> anyhow::Result<Arc<dyn Engine>> {
    let command = WorkerCommand::new("/proc/self/exe", ["worker"]);
    Ok(Arc::new(IsolatingEngine::new(goldens::engine()?, command)))
}

/// Serves one server until that hangs up.
pub(super) fn run(kind: WorkerKind) -> anyhow::Result<()> {
    if io::stdin().is_terminal() {
        bail!("`wharf worker` is for `wharf serve`, which starts it itself");
    }
    // The server drains when it is told to stop, and needs its workers until then.
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::default()).context("cannot set up signals")?;
    }
    let served = match kind {
        WorkerKind::Graph => serve_worker(goldens::engine()?),
        WorkerKind::Llm => serve_llm_worker(wharf_llama::open_model),
    };
    served.context("the server cannot be understood")
}
