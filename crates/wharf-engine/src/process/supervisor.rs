//! Keeps a worker process running: one that ends is started again.

use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::message::{Source, Specs};
use super::spawn::{RestartPace, WorkerCommand};
use super::worker::{Worker, lost};
use crate::{EngineError, EngineErrorKind, LoadOptions};

/// What a worker is started with.
pub(super) struct Recipe {
    pub(super) command: WorkerCommand,
    pub(super) source: Source,
    pub(super) options: LoadOptions,
}

/// The worker of one model, as it is now.
#[derive(Default)]
pub(super) struct Post {
    state: Mutex<State>,
    changed: Condvar,
    restarts: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The process, which may still be loading.
    worker: Option<Arc<Worker>>,
    is_ready: bool,
    is_closed: bool,
}

impl Post {
    /// The worker that answers.
    pub(super) fn worker(&self) -> Result<Arc<Worker>, EngineError> {
        let state = self.state();
        state.worker.as_ref().filter(|_| state.is_ready).cloned().ok_or_else(|| {
            EngineError::new(EngineErrorKind::Unavailable, "the model's process is being started again")
        })
    }

    /// How often the worker was started again.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Starts a worker and has it load its model. The process is killed where that fails.
    pub(super) fn start(&self, recipe: &Recipe) -> Result<(Specs, Child), EngineError> {
        let failed = |error: std::io::Error| {
            EngineError::new(EngineErrorKind::Failed, "the model's process could not be started")
                .with_detail(error)
        };
        let (worker, mut child) = Worker::start(&recipe.command).map_err(failed)?;
        let worker = Arc::new(worker);
        self.install(&worker);
        let loaded = worker.load(&recipe.source, &recipe.options);
        let loaded = loaded.unwrap_or_else(|error| Err(lost("while it loaded the model", &error)));
        match loaded {
            Ok(specs) => Ok((specs, child)),
            Err(error) => {
                worker.kill();
                let status = child.wait().map(|status| status.to_string()).unwrap_or_default();
                self.remove();
                let detail = error.detail().map(|detail| format!("{detail}; {status}")).unwrap_or(status);
                Err(error.with_detail(detail))
            }
        }
    }

    /// Answers from now on.
    pub(super) fn open(&self) {
        self.state().is_ready = true;
    }

    /// Sends nobody to `worker` any more. One that still runs but no longer makes sense is ended.
    pub(super) fn lose(&self, worker: &Arc<Worker>) {
        worker.kill();
        let mut state = self.state();
        if state.worker.as_ref().is_some_and(|current| Arc::ptr_eq(current, worker)) {
            state.is_ready = false;
        }
    }

    /// Ends the worker for good.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        if let Some(worker) = &state.worker {
            worker.kill();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for the end of `child`, starts another, and so on until the post is closed.
    pub(super) fn keep(&self, recipe: &Recipe, specs: &Specs, mut child: Child) {
        let mut pace = RestartPace::default();
        loop {
            let begun = Instant::now();
            let status = child.wait();
            self.remove();
            if self.state().is_closed {
                return;
            }
            let pause = pace.ended(begun.elapsed());
            report(status.ok(), pause);
            match self.replace(recipe, specs, &mut pace, pause) {
                Some(next) => child = next,
                None => return,
            }
        }
    }

    /// Another worker with the same model; `None` once the post is closed.
    fn replace(
        &self,
        recipe: &Recipe,
        specs: &Specs,
        pace: &mut RestartPace,
        mut pause: Duration,
    ) -> Option<Child> {
        loop {
            if self.is_closed_within(pause) {
                return None;
            }
            match self.start(recipe) {
                Ok((found, child)) if found == *specs => {
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    self.open();
                    return Some(child);
                }
                Ok((_, mut child)) => {
                    tracing::error!("the model's file has other inputs or outputs than it had");
                    let _is_gone = child.kill().and_then(|()| child.wait());
                    self.remove();
                }
                Err(error) => {
                    tracing::error!(%error, detail = error.detail(), "a model's process was not started again");
                }
            }
            pause = pace.failed();
        }
    }

    /// Waits; says whether the post was closed meanwhile.
    fn is_closed_within(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| !state.is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    fn install(&self, worker: &Arc<Worker>) {
        let mut state = self.state();
        state.worker = Some(Arc::clone(worker));
        // Whoever closed the post found no process to end.
        if state.is_closed {
            worker.kill();
        }
    }

    fn remove(&self) {
        let mut state = self.state();
        (state.worker, state.is_ready) = (None, false);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn report(status: Option<ExitStatus>, pause: Duration) {
    let status = status.map(|status| status.to_string()).unwrap_or_default();
    let pause = pause.as_secs();
    tracing::error!(status, "a model's process ended; it is started again in {pause} s");
}
