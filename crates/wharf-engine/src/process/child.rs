//! The worker's side: what the process does that holds one model.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use wharf_tensor::Tensor;

use super::frame::{self, Frame, Kind, malformed};
use super::message::{self, Run, Source};
use super::order::{self, Order};
use crate::{Engine, EngineError, ModelSource, Replica, StopSignal};

/// Does what the server asks over standard input, until the server hangs up or is gone; then the process ends at once,
/// whatever its threads do. For the command that [`crate::WorkerCommand`] names.
///
/// # Errors
/// Standard input is no socket of a server.
pub fn serve_worker(engine: Arc<dyn Engine>) -> io::Result<()> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let model = Arc::new(Model { engine, replica: OnceLock::new(), seats: Mutex::default() });
    while let Some(order) = order::receive(&control)? {
        match order {
            Order::Open { channel, stream } => model.listen(channel, UnixStream::from(stream))?,
            Order::Stop { channel, run } => model.stop(channel, run),
        }
    }
    // Nobody is left to answer to. A run may be deep in native code, and exit handlers would take its ground away.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    Ok(())
}

/// The model, and who waits for it.
struct Model {
    engine: Arc<dyn Engine>,
    replica: OnceLock<Arc<dyn Replica>>,
    seats: Mutex<HashMap<u64, Seat>>,
}

/// What runs on one channel, and what shall not.
#[derive(Default)]
struct Seat {
    run: u64,
    signal: StopSignal,
    /// The last run that was stopped, perhaps before it was read.
    stopped: u64,
}

impl Model {
    /// Answers what comes over `stream`, on a thread of its own.
    fn listen(self: &Arc<Self>, channel: u64, stream: UnixStream) -> io::Result<()> {
        self.seats().insert(channel, Seat::default());
        let model = Arc::clone(self);
        let answer_all = move || {
            if let Err(error) = model.answer_all(channel, &stream) {
                tracing::warn!(%error, "a channel to the server broke");
            }
            model.seats().remove(&channel);
        };
        thread::Builder::new().name(format!("worker-{channel}")).spawn(answer_all).map(drop)
    }

    fn answer_all(&self, channel: u64, stream: &UnixStream) -> io::Result<()> {
        while let Some(frame) = frame::read(stream)? {
            match frame.kind {
                Kind::Load => self.answer_load(stream, frame)?,
                Kind::Run => self.answer_run(channel, stream, frame)?,
                kind => return Err(malformed(format!("request of kind {kind:?}"))),
            }
        }
        Ok(())
    }

    fn answer_load(&self, stream: &UnixStream, Frame { head, mut body, .. }: Frame) -> io::Result<()> {
        let (source, options) = Source::decode(head, &mut body)?;
        let source = match &source {
            Source::File(path) => ModelSource::File(path),
            Source::Bytes(bytes) => ModelSource::Bytes(bytes),
        };
        match self.engine.load(source, &options) {
            Ok(replica) => {
                let replica = self.replica.get_or_init(|| replica);
                let specs = message::encode_specs(replica.inputs(), replica.outputs());
                frame::write(stream, Kind::Loaded, &specs, &[])
            }
            Err(error) => frame::write(stream, Kind::Failure, &message::encode_failure(&error), &[]),
        }
    }

    fn answer_run(
        &self,
        channel: u64,
        stream: &UnixStream,
        Frame { head, mut body, .. }: Frame,
    ) -> io::Result<()> {
        let run = Run::decode(head, &mut body)?;
        let signal = self.seat(channel, run.number);
        match self.run(&run, &signal) {
            Ok(outputs) => {
                let (head, parts) = message::encode_tensors(&outputs);
                let parts: Vec<&[u8]> = parts.iter().map(|part| &part[..]).collect();
                frame::write(stream, Kind::Outputs, &head, &parts)
            }
            Err(error) => frame::write(stream, Kind::Failure, &message::encode_failure(&error), &[]),
        }
    }

    fn run(&self, run: &Run, signal: &StopSignal) -> Result<Vec<Tensor>, EngineError> {
        let replica = self.replica.get().ok_or_else(|| EngineError::model("no model is loaded"))?;
        let named = replica.inputs().iter().zip(&run.inputs);
        let inputs: Vec<(&str, Tensor)> =
            named.map(|(spec, tensor)| (spec.name.as_str(), tensor.clone())).collect();
        let name = |&place: &usize| {
            let spec = replica.outputs().get(place);
            spec.map(|spec| spec.name.as_str()).ok_or_else(|| EngineError::input(format!("output {place}")))
        };
        let outputs: Vec<&str> = run.outputs.iter().map(name).collect::<Result<_, _>>()?;
        replica.run_until(&inputs, &outputs, signal)
    }

    /// Notes that `run` is on `channel` now, and gives what stops it.
    fn seat(&self, channel: u64, run: u64) -> StopSignal {
        let mut seats = self.seats();
        let seat = seats.entry(channel).or_default();
        (seat.run, seat.signal) = (run, StopSignal::new());
        if seat.stopped == run {
            seat.signal.stop();
        }
        seat.signal.clone()
    }

    fn stop(&self, channel: u64, run: u64) {
        let signal = self.seats().get_mut(&channel).and_then(|seat| {
            seat.stopped = run;
            (seat.run == run).then(|| seat.signal.clone())
        });
        // Outside of the lock: the signal's hook calls into the runtime.
        if let Some(signal) = signal {
            signal.stop();
        }
    }

    fn seats(&self) -> MutexGuard<'_, HashMap<u64, Seat>> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
