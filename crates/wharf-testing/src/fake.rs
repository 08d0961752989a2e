//! An engine whose runs end when the test says so.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use wharf_engine::{
    Engine, EngineError, EngineErrorKind, LoadOptions, ModelSource, Replica, StopSignal, check_inputs,
};
use wharf_tensor::{DType, Tensor, TensorSpec};

/// Loads any model as one that gives its input back, float32 `[N]` `x` to `y`. Unless it is free-running, each
/// run waits until the test takes it from [`FakeEngine::next_run`] and ends it.
pub struct FakeEngine {
    shared: Arc<Shared>,
    runs: Mutex<Receiver<FakeRun>>,
}

struct Shared {
    announce: Mutex<Option<Sender<FakeRun>>>,
    counts: Mutex<Counts>,
    changed: Condvar,
    load_failure: Mutex<Option<EngineError>>,
}

#[derive(Default)]
struct Counts {
    started: usize,
    stopped: usize,
    loads: usize,
    replicas: usize,
}

/// A run that has begun and waits for the test. Dropped, it ends well.
pub struct FakeRun {
    /// What the run was given.
    pub input: Tensor,
    finish: Sender<Ending>,
    stop: StopSignal,
}

enum Ending {
    Finish,
    Fail(EngineError),
    Panic,
    Stopped,
}

impl FakeEngine {
    /// An engine whose runs wait for the test.
    pub fn stepped() -> Arc<Self> {
        Self::new(true)
    }

    /// An engine whose runs end at once.
    pub fn free_running() -> Arc<Self> {
        Self::new(false)
    }

    fn new(is_stepped: bool) -> Arc<Self> {
        let (announce, runs) = mpsc::channel();
        let shared = Shared {
            announce: Mutex::new(is_stepped.then_some(announce)),
            counts: Mutex::default(),
            changed: Condvar::new(),
            load_failure: Mutex::default(),
        };
        Arc::new(Self { shared: Arc::new(shared), runs: Mutex::new(runs) })
    }

    /// The next run that begins; waits for it.
    ///
    /// # Panics
    /// The engine is free-running.
    pub fn next_run(&self) -> FakeRun {
        let run = lock(&self.runs).recv();
        #[expect(clippy::panic, reason = "the test is wrong")]
        run.unwrap_or_else(|_| panic!("a free-running engine has no runs to step through"))
    }

    /// How many runs have begun.
    pub fn started(&self) -> usize {
        lock(&self.shared.counts).started
    }

    /// Waits until so many runs have been stopped from outside.
    pub fn wait_until_stopped(&self, runs: usize) {
        let mut counts = lock(&self.shared.counts);
        while counts.stopped < runs {
            counts = self.shared.changed.wait(counts).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// How many loads were tried.
    pub fn loads(&self) -> usize {
        lock(&self.shared.counts).loads
    }

    /// How many replicas are loaded.
    pub fn replicas(&self) -> usize {
        lock(&self.shared.counts).replicas
    }

    /// Has every load fail from now on, or succeed again.
    pub fn fail_loads(&self, failure: Option<EngineError>) {
        *lock(&self.shared.load_failure) = failure;
    }
}

impl FakeRun {
    /// Ends the run well, as dropping it does.
    pub fn finish(self) {}

    /// Ends the run with an error.
    pub fn fail(self, message: &str) {
        let error = EngineError::new(EngineErrorKind::Failed, message);
        let _ = self.finish.send(Ending::Fail(error));
    }

    /// Has the run panic.
    pub fn panic(self) {
        let _ = self.finish.send(Ending::Panic);
    }

    /// Whether the run has been told to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_stopped()
    }
}

impl Drop for FakeRun {
    fn drop(&mut self) {
        // The run listens to the first ending only.
        let _ = self.finish.send(Ending::Finish);
    }
}

impl Engine for FakeEngine {
    fn load(&self, _: ModelSource<'_>, _: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        lock(&self.shared.counts).loads += 1;
        if let Some(failure) = lock(&self.shared.load_failure).clone() {
            return Err(failure);
        }
        lock(&self.shared.counts).replicas += 1;
        Ok(Arc::new(FakeReplica {
            shared: Arc::clone(&self.shared),
            inputs: [TensorSpec::new("x", DType::F32, &[-1])],
            outputs: [TensorSpec::new("y", DType::F32, &[-1])],
        }))
    }
}

struct FakeReplica {
    shared: Arc<Shared>,
    inputs: [TensorSpec; 1],
    outputs: [TensorSpec; 1],
}

impl Drop for FakeReplica {
    fn drop(&mut self) {
        lock(&self.shared.counts).replicas -= 1;
    }
}

impl Replica for FakeReplica {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        _: &[&str],
        stop: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        check_inputs(&self.inputs, inputs)?;
        let input = inputs[0].1.clone();
        let announce = lock(&self.shared.announce).clone();
        lock(&self.shared.counts).started += 1;
        let Some(announce) = announce else { return Ok(vec![input]) };
        let (finish, ending) = mpsc::channel();
        let stopped = finish.clone();
        let _hook = stop.on_stop(move || drop(stopped.send(Ending::Stopped)));
        let _ = announce.send(FakeRun { input: input.clone(), finish, stop: stop.clone() });
        drop(announce);
        self.shared.end(&ending, input)
    }
}

impl Shared {
    fn end(&self, ending: &Receiver<Ending>, input: Tensor) -> Result<Vec<Tensor>, EngineError> {
        match ending.recv() {
            Ok(Ending::Finish) | Err(_) => Ok(vec![input]),
            Ok(Ending::Fail(error)) => Err(error),
            #[expect(clippy::panic, reason = "asked for, to see who else suffers")]
            Ok(Ending::Panic) => panic!("the fake engine was told to panic"),
            Ok(Ending::Stopped) => {
                lock(&self.counts).stopped += 1;
                self.changed.notify_all();
                Err(EngineError::new(EngineErrorKind::Stopped, "the run was stopped"))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
