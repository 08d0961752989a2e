//! A server in a child process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server; killed when dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts `command` and waits until it has written the file `ready`. Gives what is in it as well.
    pub(crate) fn start(mut command: Command, ready: &Path) -> (Self, serde_json::Value) {
        let mut process = Self(command.stderr(Stdio::null()).spawn().unwrap());
        let started = Instant::now();
        while !ready.exists() {
            assert!(process.is_running(), "the server ended at its start");
            assert!(started.elapsed() < Duration::from_secs(60), "the server is not ready");
            std::thread::yield_now();
        }
        let ports = serde_json::from_slice(&std::fs::read(ready).unwrap()).unwrap();
        (process, ports)
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends SIGTERM and expects an orderly end.
    pub(crate) fn stop(mut self) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let status = self.0.wait().unwrap();
        assert!(status.success(), "the server ended with {status}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _already_ended = self.0.kill();
        let _already_reaped = self.0.wait();
    }
}
