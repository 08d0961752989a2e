//! Against real processes: this test program, called with the one test that is a worker.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use wharf_tensor::{DType, Shape};

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Doubles numbers, and has some that end the process or keep it busy.
struct Doubling;

const ABORT: f32 = -1.0;
const WAIT: f32 = -2.0;
const REFUSE: f32 = -3.0;

struct DoublingReplica([TensorSpec; 1], [TensorSpec; 1]);

impl Engine for Doubling {
    fn load(&self, model: ModelSource<'_>, options: &LoadOptions) -> Result<Arc<dyn Replica>, EngineError> {
        match model {
            ModelSource::Bytes(b"abort") => std::process::abort(),
            ModelSource::Bytes(b"refuse") => Err(EngineError::model("no model").with_detail("the detail")),
            ModelSource::File(path) if path.is_file() => std::process::abort(),
            _ => {
                let dims = [-1, options.intra_threads as i64];
                let spec = |name: &str| [TensorSpec::new(name, DType::F32, &dims)];
                Ok(Arc::new(DoublingReplica(spec("x"), spec("y"))))
            }
        }
    }
}

impl Replica for DoublingReplica {
    fn inputs(&self) -> &[TensorSpec] {
        &self.0
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.1
    }

    fn run_until(
        &self,
        inputs: &[(&str, Tensor)],
        _: &[&str],
        stop: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        let values = inputs[0].1.to_vec::<f32>().unwrap();
        if values.first() == Some(&ABORT) {
            std::process::abort();
        }
        if values.first() == Some(&REFUSE) {
            return Err(EngineError::input("three is too many"));
        }
        if values.first() == Some(&WAIT) {
            let (sender, receiver) = mpsc::channel();
            let _hook = stop.on_stop(move || sender.send(()).unwrap());
            receiver.recv_timeout(PATIENCE).unwrap();
            return Err(EngineError::stopped());
        }
        let doubled = values.iter().map(|value| value * 2.0).collect();
        Ok(vec![Tensor::from_vec(inputs[0].1.shape().clone(), doubled).unwrap()])
    }
}

#[test]
#[ignore = "is the worker process of the other tests"]
fn worker_main() {
    serve_worker(Arc::new(Doubling)).unwrap();
}

fn engine() -> IsolatingEngine {
    let arguments = ["process::tests::worker_main", "--exact", "--ignored", "--nocapture"];
    let command = WorkerCommand::new(std::env::current_exe().unwrap(), arguments);
    IsolatingEngine::new(Arc::new(Doubling), command)
}

fn isolated() -> LoadOptions {
    LoadOptions::default().with_isolation(Isolation::Process)
}

fn load(name: &'static [u8]) -> Result<Arc<dyn Replica>, EngineError> {
    engine().load(ModelSource::Bytes(name), &isolated())
}

fn ask(replica: &dyn Replica, values: &[f32]) -> Result<Vec<f32>, EngineError> {
    ask_until(replica, values, &StopSignal::never())
}

fn ask_until(replica: &dyn Replica, values: &[f32], stop: &StopSignal) -> Result<Vec<f32>, EngineError> {
    let tensor = Tensor::from_vec(Shape::new(&[values.len(), 1]).unwrap(), values.to_vec()).unwrap();
    let outputs = replica.run_until(&[("x", tensor)], &[], stop)?;
    Ok(outputs[0].to_vec().unwrap())
}

/// Asks until the process is there again.
fn ask_again(replica: &dyn Replica, values: &[f32]) -> Vec<f32> {
    let begun = Instant::now();
    loop {
        match ask(replica, values) {
            Ok(answer) => return answer,
            Err(error) => {
                assert_eq!(error.kind(), EngineErrorKind::Unavailable, "{error}");
                assert!(begun.elapsed() < PATIENCE, "the process was not started again");
                thread::yield_now();
            }
        }
    }
}

#[test]
fn worker_answers_as_the_engine_would() {
    let replica = load(b"model").unwrap();
    assert_eq!(replica.inputs(), [TensorSpec::new("x", DType::F32, &[-1, 1])]);
    assert_eq!(replica.outputs(), [TensorSpec::new("y", DType::F32, &[-1, 1])]);
    assert_eq!(ask(&*replica, &[1.0, 2.5]).unwrap(), [2.0, 5.0]);
    let large: Vec<f32> = (0..1_000_000).map(|value| value as f32).collect();
    assert_eq!(ask(&*replica, &large).unwrap()[999_999], 1_999_998.0);
    let error = ask(&*replica, &[REFUSE]).unwrap_err();
    assert_eq!((error.kind(), error.message()), (EngineErrorKind::InvalidInput, "three is too many"));
    assert_eq!(replica.restarts(), Some(0));
}

#[test]
fn many_threads_are_answered_their_own() {
    let replica = load(b"model").unwrap();
    thread::scope(|scope| {
        for thread in 0..8_u16 {
            let replica = &replica;
            scope.spawn(move || {
                for round in 0..50_u16 {
                    let value = f32::from(thread * 100 + round);
                    assert_eq!(ask(&**replica, &[value]).unwrap(), [value * 2.0]);
                }
            });
        }
    });
}

#[test]
fn abort_fails_the_run_alone_and_the_process_comes_back() {
    let (replica, other) = (load(b"model").unwrap(), load(b"model").unwrap());
    for crash in 1..=2 {
        let error = ask(&*replica, &[ABORT]).unwrap_err();
        assert_eq!(error.kind(), EngineErrorKind::Failed, "{error}");
        assert_eq!(error.message(), "the model's process ended during the run");
        assert_eq!(ask(&*other, &[1.0]).unwrap(), [2.0]);
        assert_eq!(ask_again(&*replica, &[3.0]), [6.0]);
        assert_eq!(replica.restarts(), Some(crash));
    }
    assert_eq!(other.restarts(), Some(0));
}

#[test]
fn stop_ends_a_run_and_leaves_the_process() {
    let replica = load(b"model").unwrap();
    for _ in 0..20 {
        let stop = StopSignal::new();
        thread::scope(|scope| {
            let run = scope.spawn(|| ask_until(&*replica, &[WAIT], &stop));
            while !stop.has_listener() {
                thread::yield_now();
            }
            stop.stop();
            assert_eq!(run.join().unwrap().unwrap_err().kind(), EngineErrorKind::Stopped);
        });
    }
    assert_eq!(ask(&*replica, &[1.0]).unwrap(), [2.0]);
    assert_eq!(replica.restarts(), Some(0));
}

#[test]
fn failure_to_load_is_the_workers_own_or_says_that_it_ended() {
    for (model, kind, message, detail) in [
        (&b"refuse"[..], EngineErrorKind::InvalidModel, "no model", "the detail"),
        (
            b"abort",
            EngineErrorKind::Failed,
            "the model's process ended while it loaded the model",
            "signal: 6",
        ),
    ] {
        let error = load(model).err().unwrap();
        assert_eq!((error.kind(), error.message()), (kind, message));
        assert!(error.detail().is_some_and(|text| text.contains(detail)), "{:?}", error.detail());
    }
    let missing = IsolatingEngine::new(Arc::new(Doubling), WorkerCommand::new("/no/such/program", [""; 0]));
    let error = missing.load(ModelSource::Bytes(b"model"), &isolated()).err().unwrap();
    assert_eq!(error.message(), "the model's process could not be started");
}

#[test]
fn process_that_cannot_load_again_keeps_its_model_unavailable_until_that_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model");
    let replica = engine().load(ModelSource::File(&path), &isolated()).unwrap();
    // The engine of these tests ends its process where there is a file.
    std::fs::write(&path, "").unwrap();
    ask(&*replica, &[ABORT]).unwrap_err();
    for _ in 0..100 {
        let error = ask(&*replica, &[1.0]).unwrap_err();
        assert!(matches!(error.kind(), EngineErrorKind::Unavailable | EngineErrorKind::Failed), "{error}");
    }
    assert_eq!(replica.restarts(), Some(0));
    drop(replica);
}

#[test]
fn process_is_gone_with_its_replica() {
    let replica = load(b"model").unwrap();
    let children = || -> usize {
        let task = |entry: std::io::Result<std::fs::DirEntry>| {
            let path = entry.unwrap().path().join("children");
            std::fs::read_to_string(path)
                .unwrap_or_default()
                .split_whitespace()
                .map(is_worker_of_this_test)
                .filter(|is| *is)
                .count()
        };
        std::fs::read_dir("/proc/self/task").unwrap().map(task).sum()
    };
    fn is_worker_of_this_test(pid: &str) -> bool {
        let status =
            std::fs::read_to_string(Path::new("/proc").join(pid).join("environ")).unwrap_or_default();
        status.contains("WHARF_TEST_MARK=gone")
    }
    let marked = {
        let arguments = ["process::tests::worker_main", "--exact", "--ignored", "--nocapture"];
        let command = WorkerCommand::new(std::env::current_exe().unwrap(), arguments);
        let command = command.with_variable("WHARF_TEST_MARK", "gone");
        IsolatingEngine::new(Arc::new(Doubling), command)
    };
    let other = marked.load(ModelSource::Bytes(b"model"), &isolated()).unwrap();
    assert_eq!(children(), 1);
    drop(other);
    assert_eq!(children(), 0);
    assert_eq!(ask(&*replica, &[1.0]).unwrap(), [2.0]);
}
