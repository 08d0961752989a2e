//! What the tests of the binary share: a small data set, a recipe for it, the command, and a server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use process::Process;

/// Three classes of 8x8 grey pictures that differ in brightness; enough for a few steps.
const RECIPE: &str = r#"
name = "shades"
seed = 3
[data]
path = "pictures"
[training]
epochs = 6
batch = 10
[optimiser]
rate = 0.05
momentum = 0.9
[checkpoint]
every_steps = 2
[[transform]]
op = "grayscale"
[[transform]]
op = "to_float"
[[transform]]
op = "normalise"
mean = [0.5]
std = [0.5]
[[layers]]
op = "conv"
out_channels = 4
kernel = 3
[[layers]]
op = "batch_norm"
[[layers]]
op = "relu"
[[layers]]
op = "flatten"
[[layers]]
op = "linear"
out_features = 3
"#;

const CLASSES: [(&str, u8); 3] = [("dark", 20), ("grey", 128), ("light", 235)];

/// A folder with a recipe and its data: `train/<class>/*.png` and `test/<class>/*.png`.
pub(crate) fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("recipe.toml"), RECIPE).unwrap();
    for (part, count) in [("train", 20), ("test", 4)] {
        for (class, shade) in CLASSES {
            let class_folder = folder.path().join("pictures").join(part).join(class);
            std::fs::create_dir_all(&class_folder).unwrap();
            for number in 0..count {
                write_picture(&class_folder.join(format!("{number}.png")), shade, number);
            }
        }
    }
    folder
}

fn write_picture(path: &Path, shade: u8, number: u8) {
    let pixels: Vec<u8> =
        (0..64_u8).map(|cell| shade.saturating_add(cell.wrapping_mul(number) % 16)).collect();
    image::save_buffer(path, &pixels, 8, 8, image::ExtendedColorType::L8).unwrap();
}

/// Test picture 0 of each class.
pub(crate) fn pictures(folder: &Path) -> Vec<PathBuf> {
    CLASSES.iter().map(|(class, _)| folder.join("pictures/test").join(class).join("0.png")).collect()
}

/// `wharf` with these arguments, run in `folder`.
pub(crate) fn wharf(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.current_dir(folder).args(arguments).env_remove("WHARF_LOG").env("ORT_DYLIB_PATH", library());
    command
}

/// Runs it and expects success; gives standard output.
pub(crate) fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = wharf(folder, arguments).output().unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Runs it and expects failure with status 1 or 2; gives standard error.
pub(crate) fn fail(folder: &Path, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = wharf(folder, arguments).output().unwrap();
    assert!(matches!(status.code(), Some(1 | 2)), "{arguments:?} ended with {status}");
    String::from_utf8(stderr).unwrap()
}

/// The library that `make deps` has put into the project.
fn library() -> PathBuf {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH") {
        return path.into();
    }
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deps/onnxruntime/lib/libonnxruntime.so")
}

/// A server in a child process.
pub(crate) struct Server {
    process: Process,
    /// `127.0.0.1:PORT` of gRPC.
    pub(crate) grpc: String,
    /// `127.0.0.1:PORT` of REST.
    pub(crate) rest: String,
}

impl Server {
    /// Starts `wharf serve` on free ports and waits until it is ready.
    pub(crate) fn start(folder: &Path) -> Self {
        let ready = folder.join("ready.json");
        let ports = [
            "--grpc-port",
            "--rest-port",
            "--oip-rest-port",
            "--oip-grpc-port",
            "--http-port",
            "--metrics-port",
        ];
        let mut arguments = vec!["serve", "--ready-file", "ready.json"];
        arguments.extend(ports.into_iter().flat_map(|port| [port, "0"]));
        let (process, ports) = Process::start(wharf(folder, &arguments), &ready);
        let address = |name: &str| format!("127.0.0.1:{}", ports[name]);
        Self { process, grpc: address("grpc"), rest: address("rest") }
    }

    /// Sends SIGTERM and expects an orderly end.
    pub(crate) fn stop(self) {
        self.process.stop();
    }
}
