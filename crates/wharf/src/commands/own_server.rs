//! A server of our own in a child process.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Deserialize;
use wharf_load::Wire;

/// How long a server may take to load its models.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// What opens a port.
const PORTS: [&str; 6] =
    ["--grpc-port", "--rest-port", "--oip-rest-port", "--oip-grpc-port", "--http-port", "--metrics-port"];

/// The ports of a server, as its ready file says.
#[derive(Debug, Default, Deserialize)]
struct Ports {
    grpc: Option<u16>,
    rest: Option<u16>,
    oip_rest: Option<u16>,
    oip_grpc: Option<u16>,
    http: Option<u16>,
}

/// A server in a child process; dropping it stops it.
pub(super) struct Server {
    child: Child,
    ports: Ports,
}

impl Server {
    /// Starts `wharf serve` with these arguments, on these processors alone in the words of `taskset`, and waits until it
    /// is ready. Ports that the arguments say nothing of are closed.
    pub(super) fn start(
        arguments: impl IntoIterator<Item = OsString>,
        cpus: Option<&str>,
    ) -> anyhow::Result<Self> {
        let ready = std::env::temp_dir().join(format!("wharf-server-{}.json", std::process::id()));
        let own = std::env::current_exe()?;
        let mut command = match cpus {
            None => Command::new(own),
            Some(cpus) => {
                let mut command = Command::new("taskset");
                command.args(["--cpu-list", cpus]).arg(own);
                command
            }
        };
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let closed = PORTS.into_iter().filter(|port| !arguments.iter().any(|argument| argument == port));
        let child = command
            .arg("serve")
            .args(closed.flat_map(|port| [port, "off"]))
            .args(&arguments)
            .arg("--ready-file")
            .arg(&ready)
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the server")?;
        let mut server = Self { child, ports: Ports::default() };
        server.ports = server.wait_until_ready(&ready)?;
        std::fs::remove_file(&ready)?;
        Ok(server)
    }

    /// Starts one for a language model in a file, with these flags besides.
    pub(super) fn of_language_model(file: &Path, flags: &[&str]) -> anyhow::Result<Self> {
        let flags = ["--http-port", "0"].iter().chain(flags).map(Into::into);
        Self::start(std::iter::once(file.into()).chain(flags), None)
    }

    /// Where it listens for what has no port of its own.
    pub(super) fn http_address(&self) -> anyhow::Result<String> {
        let port = self.ports.http.context("the server has no port for language models")?;
        Ok(format!("127.0.0.1:{port}"))
    }

    /// The number of its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens for `wire`.
    pub(super) fn address(&self, wire: Wire) -> anyhow::Result<String> {
        let port = match wire {
            Wire::TfsGrpc => self.ports.grpc,
            Wire::TfsRest => self.ports.rest,
            Wire::OipGrpc => self.ports.oip_grpc,
            Wire::OipRest | Wire::OipRestJson => self.ports.oip_rest,
        };
        let port = port.with_context(|| format!("the server has no port for {wire}"))?;
        Ok(format!("127.0.0.1:{port}"))
    }

    fn wait_until_ready(&mut self, ready: &Path) -> anyhow::Result<Ports> {
        let started = Instant::now();
        while started.elapsed() < START_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at its start: {status}");
            }
            if let Ok(text) = std::fs::read(ready) {
                return Ok(serde_json::from_slice(&text)?);
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        bail!("the server was not ready after {} s", START_TIMEOUT.as_secs())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about a child that cannot be stopped.
        let _already_ended = self.child.kill();
        let _already_reaped = self.child.wait();
    }
}
