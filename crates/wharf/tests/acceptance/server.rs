//! The real server, over a repository of models of a few kilobytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use wharf_tensor::DType;
use wharf_testing::models;

use crate::process::Process;
use crate::row::Port;

/// A server in a child process.
pub(crate) struct Server {
    process: Process,
    ports: serde_json::Value,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts it on free ports and waits until it is ready.
    pub(crate) fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(&folder.path().join("repository"));
        Self::started(Command::new(binary()), folder, "none", more)
    }

    /// Starts it with the language model `stories` as well, which has a context of 512 tokens; `None` where its weights are
    /// absent, which is printed.
    #[expect(clippy::print_stderr, reason = "says why a test did nothing")]
    pub(crate) fn start_with_stories(more: &[&str]) -> Option<Self> {
        let weights = stories();
        if !weights.is_file() {
            eprintln!("skipped: there is no ../shared/data/stories260k");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository");
        fill(&repository);
        let version = repository.join("stories/1");
        std::fs::create_dir_all(&version).unwrap();
        std::fs::copy(weights, version.join("model.gguf")).unwrap();
        let arguments = [&["--llm-context", "512"], more].concat();
        Some(Self::started(Command::new(binary()), folder, "none", &arguments))
    }

    /// Starts it over a repository of this alone, which it follows.
    pub(crate) fn follow(fill: impl FnOnce(&Path)) -> Self {
        Self::over("poll", fill)
    }

    /// The same over an empty repository, with `control` over what is loaded.
    pub(crate) fn start_empty(control: &str) -> Self {
        Self::over(control, |_| ())
    }

    fn over(control: &str, fill: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = folder.path().join("repository");
        std::fs::create_dir(&repository).unwrap();
        fill(&repository);
        Self::started(Command::new(binary()), folder, control, &["--poll-interval", "1"])
    }

    /// Where its models are.
    pub(crate) fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// The same with so many descriptors at most.
    pub(crate) fn start_with_descriptors(most: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fill(&folder.path().join("repository"));
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -n {most} && exec \"$0\" \"$@\"")]).arg(binary());
        Self::started(shell, folder, "none", &[])
    }

    fn started(mut command: Command, folder: tempfile::TempDir, control: &str, more: &[&str]) -> Self {
        let ready = folder.path().join("ready.json");
        command.current_dir(folder.path()).env_remove("WHARF_LOG").env("ORT_DYLIB_PATH", library());
        command
            .args(["serve", "--ready-file", "ready.json", "--threads", "2", "--control", control])
            .args(more);
        for port in ["grpc", "rest", "oip-rest", "oip-grpc", "http", "metrics"] {
            command.args([&format!("--{port}-port"), "0"]);
        }
        let (process, ports) = Process::start(command, &ready);
        Self { process, ports, folder }
    }

    /// Where a port is.
    pub(crate) fn address(&self, port: Port) -> String {
        let name = match port {
            Port::Tfs => "rest",
            Port::Oip => "oip_rest",
            Port::Kserve => "http",
            Port::Grpc => "grpc",
            Port::OipGrpc => "oip_grpc",
        };
        format!("127.0.0.1:{}", self.ports[name])
    }

    /// Where metrics are.
    pub(crate) fn metrics_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports["metrics"])
    }

    /// Whether it is the process that was started, and runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.is_running()
    }

    /// Its folder below `/proc`.
    pub(crate) fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.process.id()))
    }

    /// Sends SIGTERM and expects an orderly end.
    pub(crate) fn stop(self) {
        self.process.stop();
    }
}

/// The models that rows speak to. `canary` is the canary's alone.
fn fill(repository: &Path) {
    for (name, model) in [
        ("canary", models::HALF_PLUS_TWO),
        ("half", models::HALF_PLUS_TWO),
        ("add", models::ADD),
        ("gather", models::GATHER),
        ("grow", models::GROW),
        ("slow", models::SLOW),
        ("image", models::CLASSIFIER_FLOAT),
        ("sum", models::ACCUMULATE),
        ("text", models::identity(DType::String)),
        ("bool", models::identity(DType::Bool)),
        ("u8", models::identity(DType::U8)),
        ("i8", models::identity(DType::I8)),
        ("i64", models::identity(DType::I64)),
        ("f16", models::identity(DType::F16)),
        ("f32", models::identity(DType::F32)),
        ("f64", models::identity(DType::F64)),
    ] {
        let version = repository.join(name).join("1");
        std::fs::create_dir_all(&version).unwrap();
        std::fs::write(version.join("model.onnx"), model).unwrap();
    }
    std::fs::write(repository.join("sum/config.pbtxt"), SUM).unwrap();
}

/// A model that keeps a state for each sequence of requests, for as long as a test takes.
const SUM: &str = "max_batch_size: 8 sequence_batching {
    max_sequence_idle_microseconds: 3600000000
    control_input [
        { name: 'start' control { kind: CONTROL_SEQUENCE_START int32_false_true: [ 0, 1 ] } },
        { name: 'end' control { kind: CONTROL_SEQUENCE_END int32_false_true: [ 0, 1 ] } },
        { name: 'ready' control { kind: CONTROL_SEQUENCE_READY bool_false_true: [ false, true ] } },
        { name: 'id' control { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } } ]
    state { input_name: 'total' output_name: 'total_out' data_type: TYPE_FP32 dims: 1 }
}";

/// The weights of a language model of 260 thousand numbers.
pub(crate) fn stories() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/stories260k/stories260K-f32.gguf")
}

/// The program under test.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("WHARF_BIN").map_or_else(|| env!("CARGO_BIN_EXE_wharf").into(), PathBuf::from)
}

/// The library that `make deps` has put into the project.
fn library() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deps/onnxruntime/lib/libonnxruntime.so");
    std::env::var_os("ORT_DYLIB_PATH").map_or_else(own, PathBuf::from)
}
