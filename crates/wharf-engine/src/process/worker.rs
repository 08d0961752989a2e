//! The server's side of one worker process.

use std::io;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_tensor::Tensor;

use super::frame::{self, Frame, Kind, malformed};
use super::message::{self, Run, Source, Specs};
use super::order;
use super::spawn::{WorkerCommand, WorkerProcess};
use crate::{EngineError, EngineErrorKind, LoadOptions, StopSignal};

/// A worker process that runs.
pub(super) struct Worker {
    control: Mutex<UnixStream>,
    process: WorkerProcess,
    idle: Mutex<Vec<Channel>>,
    channels: AtomicU64,
}

/// A way to the worker for one run at a time.
struct Channel {
    number: u64,
    stream: UnixStream,
    runs: u64,
}

/// What became of a run.
pub(super) enum Outcome {
    /// The worker answered.
    Answered(Result<Vec<Tensor>, EngineError>),
    /// It did not, and will not answer anything any more.
    Lost(io::Error),
}

impl Worker {
    /// Starts a process, which has no model yet. The child is for whoever waits for its end.
    pub(super) fn start(command: &WorkerCommand) -> io::Result<(Self, Child)> {
        let (control, other) = UnixStream::pair()?;
        let (process, child) = command.start(other.into())?;
        let worker = Self {
            control: Mutex::new(control),
            process,
            idle: Mutex::default(),
            channels: AtomicU64::new(1),
        };
        Ok((worker, child))
    }

    /// Has it load its model, and gives the inputs and outputs of that.
    pub(super) fn load(
        &self,
        source: &Source,
        options: &LoadOptions,
    ) -> io::Result<Result<Specs, EngineError>> {
        let channel = self.open()?;
        let (head, body) = source.encode(options);
        frame::write(&channel.stream, Kind::Load, &head, &[body])?;
        let Frame { kind, head, .. } = answer(&channel.stream)?;
        let loaded = match kind {
            Kind::Loaded => Ok(message::decode_specs(head)?),
            Kind::Failure => Err(message::decode_failure(head)?),
            kind => return Err(malformed(format!("answer of kind {kind:?}"))),
        };
        self.idle().push(channel);
        Ok(loaded)
    }

    /// Runs the model on `inputs`, which are in the order of the graph; `outputs` are places.
    pub(super) fn run<'a>(
        self: &Arc<Self>,
        inputs: impl ExactSizeIterator<Item = &'a Tensor>,
        outputs: &[usize],
        stop: &StopSignal,
    ) -> Outcome {
        let mut channel = match self.channel() {
            Ok(channel) => channel,
            Err(error) => return Outcome::Lost(error),
        };
        channel.runs += 1;
        let (head, parts) = Run::encode(channel.runs, outputs, inputs);
        let (worker, number, run) = (Arc::clone(self), channel.number, channel.runs);
        let hook = stop.on_stop(move || worker.stop(number, run));
        let asked = ask(&channel.stream, &head, &parts);
        drop(hook);
        match asked {
            Ok(answer) => {
                self.idle().push(channel);
                Outcome::Answered(answer)
            }
            Err(error) => Outcome::Lost(error),
        }
    }

    /// Ends the process, whatever it does.
    pub(super) fn kill(&self) {
        self.process.kill();
    }

    fn stop(&self, channel: u64, run: u64) {
        if let Err(error) = order::send_stop(&self.control(), channel, run) {
            tracing::debug!(%error, "a worker could not be told to stop a run");
        }
    }

    fn channel(&self) -> io::Result<Channel> {
        let idle = self.idle().pop();
        idle.map_or_else(|| self.open(), Ok)
    }

    fn open(&self) -> io::Result<Channel> {
        let (stream, other) = UnixStream::pair()?;
        let number = self.channels.fetch_add(1, Ordering::Relaxed);
        order::send_open(&self.control(), number, other)?;
        Ok(Channel { number, stream, runs: 0 })
    }

    fn control(&self) -> MutexGuard<'_, UnixStream> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Channel>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask(
    stream: &UnixStream,
    head: &[u8],
    parts: &[bytes::Bytes],
) -> io::Result<Result<Vec<Tensor>, EngineError>> {
    let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
    frame::write(stream, Kind::Run, head, &parts)?;
    let Frame { kind, head, mut body } = answer(stream)?;
    match kind {
        Kind::Outputs => Ok(Ok(message::decode_tensors(head, &mut body)?)),
        Kind::Failure => Ok(Err(message::decode_failure(head)?)),
        kind => Err(malformed(format!("answer of kind {kind:?}"))),
    }
}

fn answer(stream: &UnixStream) -> io::Result<Frame> {
    frame::read(stream)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// What a caller is told of a worker that did not answer.
pub(super) fn lost(while_doing: &str, error: &io::Error) -> EngineError {
    EngineError::new(EngineErrorKind::Failed, format!("the model's process ended {while_doing}"))
        .with_detail(error)
}
