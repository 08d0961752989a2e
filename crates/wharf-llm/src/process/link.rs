//! The server's side of one worker process that runs.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wharf_engine::{WorkerCommand, WorkerProcess};
use wharf_infer::language::{
    Embeddings, GenerateEvent, GenerateSink, LanguageLoad, LanguageMetrics, Reply, TokenId,
};
use wharf_infer::{ErrorCode, ServiceError};

use super::frame::{self, FrameReader, Outbox, malformed};
use super::wire::{Ask, EmbeddingsMessage, Order, Report, Tell};

/// How often is looked whether a worker that says nothing hangs.
const LOOK: Duration = Duration::from_millis(500);
/// More requests at once are refused: each has its memory here and there.
const MAX_PENDING: usize = 16 << 10;

/// Who waits for an answer.
pub(super) enum Waiter {
    Text(Arc<Mutex<Box<dyn GenerateSink>>>),
    Tokens(Reply<Vec<TokenId>>),
    Pieces(Reply<Vec<Vec<u8>>>),
    Embeddings(Reply<Embeddings>),
    Done(Reply<()>),
}

impl Waiter {
    /// Says that there will be no answer.
    pub(super) fn fail(self, error: ServiceError) {
        match self {
            Self::Text(sink) => {
                let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
                let _heard = sink.event(GenerateEvent::Failed(error));
            }
            Self::Tokens(reply) => reply(Err(error)),
            Self::Pieces(reply) => reply(Err(error)),
            Self::Embeddings(reply) => reply(Err(error)),
            Self::Done(reply) => reply(Err(error)),
        }
    }
}

/// A worker process and what it was asked.
pub(super) struct Link {
    outbox: Outbox,
    process: WorkerProcess,
    numbers: AtomicU64,
    pending: Mutex<Pending>,
}

struct Pending {
    waiters: HashMap<u64, Waiter>,
    /// Why nobody waits any more.
    lost: Option<ServiceError>,
    load: LanguageLoad,
    metrics: LanguageMetrics,
    /// When the worker last did something, or was given something to do.
    moved: Instant,
}

impl Link {
    /// Starts a process, and gives what it says. The child is for whoever waits for its end.
    pub(super) fn start(command: &WorkerCommand) -> io::Result<(Self, FrameReader<UnixStream>, Child)> {
        let (control, other) = UnixStream::pair()?;
        control.set_read_timeout(Some(LOOK))?;
        let outbox = Outbox::open(control.try_clone()?, "llm-outbox")?;
        let started = command.start(other.into()).inspect_err(|_| outbox.close())?;
        let (process, child) = started;
        let pending = Mutex::new(Pending {
            waiters: HashMap::new(),
            lost: None,
            load: LanguageLoad::default(),
            metrics: LanguageMetrics::default(),
            moved: Instant::now(),
        });
        let link = Self { outbox, process, numbers: AtomicU64::new(1), pending };
        Ok((link, FrameReader::new(control), child))
    }

    /// Asks something; gives the number of the request. Who waits is told at once where that cannot be.
    pub(super) fn ask(&self, ask: Ask, waiter: Waiter) -> Option<u64> {
        let id = self.numbers.fetch_add(1, Ordering::Relaxed);
        let frame = match frame::encode(&Order { id, ask: Some(ask) }) {
            Ok(frame) => frame,
            Err(error) => {
                waiter.fail(ServiceError::new(ErrorCode::TooLarge, error.to_string()));
                return None;
            }
        };
        if let Err((waiter, error)) = self.note(id, waiter) {
            waiter.fail(error);
            return None;
        }
        self.outbox.send(frame);
        Some(id)
    }

    fn note(&self, id: u64, waiter: Waiter) -> Result<(), (Waiter, ServiceError)> {
        let mut pending = self.pending();
        if let Some(error) = &pending.lost {
            let error = error.clone();
            return Err((waiter, error));
        }
        if pending.waiters.len() >= MAX_PENDING {
            return Err((
                waiter,
                ServiceError::new(ErrorCode::Overloaded, "the model has too many requests"),
            ));
        }
        if pending.waiters.is_empty() {
            pending.moved = Instant::now();
        }
        pending.waiters.insert(id, waiter);
        Ok(())
    }

    /// Sends an order that nobody waits for.
    pub(super) fn send(&self, ask: Ask) {
        if let Ok(frame) = frame::encode(&Order { id: 0, ask: Some(ask) }) {
            self.outbox.send(frame);
        }
    }

    /// Ends a request, unless it is answered.
    pub(super) fn cancel(&self, id: u64) {
        let waiter = self.pending().waiters.remove(&id);
        // Dropped outside of the lock: what waits may do anything.
        if waiter.is_some()
            && let Ok(frame) = frame::encode(&Order { id, ask: Some(Ask::Cancel(true)) })
        {
            self.outbox.send(frame);
        }
    }

    /// Passes on what the worker says.
    ///
    /// # Errors
    /// It makes no sense.
    pub(super) fn hear(&self, Report { id, tell }: Report) -> io::Result<()> {
        match tell.ok_or_else(|| malformed("report"))? {
            Tell::Load(load) => self.note_load(load.read()),
            Tell::Event(event) => self.pass_on(id, event.try_into()?),
            Tell::Failed(error) => {
                let error = ServiceError::try_from(error)?;
                self.note_failure(&error);
                if let Some(waiter) = self.take(id) {
                    waiter.fail(error);
                }
            }
            tell => self.answer(id, tell)?,
        }
        Ok(())
    }

    fn answer(&self, id: u64, tell: Tell) -> io::Result<()> {
        match (self.take(id), tell) {
            (Some(Waiter::Tokens(reply)), Tell::Tokens(message)) => reply(Ok(message.tokens)),
            (Some(Waiter::Pieces(reply)), Tell::Pieces(message)) => reply(Ok(message.pieces)),
            (Some(Waiter::Embeddings(reply)), Tell::Embeddings(message)) => reply(Ok(embeddings(message)?)),
            (Some(Waiter::Done(reply)), Tell::Done(_)) => reply(Ok(())),
            // Cancelled meanwhile.
            (None, _) => {}
            (Some(waiter), _) => {
                waiter.fail(ServiceError::internal(
                    "the model's process made no sense",
                    "an answer of another kind",
                ));
                return Err(malformed("answer"));
            }
        }
        Ok(())
    }

    fn pass_on(&self, id: u64, event: GenerateEvent) {
        let is_last = event.is_last();
        if let GenerateEvent::Failed(error) = &event {
            self.note_failure(error);
        }
        let sink = {
            let mut pending = self.pending();
            pending.moved = Instant::now();
            let waiter = if is_last { pending.waiters.remove(&id) } else { None };
            match waiter.as_ref().or_else(|| pending.waiters.get(&id)) {
                Some(Waiter::Text(sink)) => Arc::clone(sink),
                _ => return,
            }
        };
        let is_heard = sink.lock().unwrap_or_else(PoisonError::into_inner).event(event);
        if !is_heard && !is_last {
            self.cancel(id);
        }
    }

    /// Nobody unloads the model but this side: one that is not there has a broken decoder, and another process a whole one.
    fn note_failure(&self, error: &ServiceError) {
        if error.code() == ErrorCode::Unavailable {
            self.kill();
        }
    }

    fn note_load(&self, (load, metrics): (LanguageLoad, LanguageMetrics)) {
        let mut pending = self.pending();
        if load.steps != pending.load.steps {
            pending.moved = Instant::now();
        }
        (pending.load, pending.metrics) = (load, metrics);
    }

    fn take(&self, id: u64) -> Option<Waiter> {
        let mut pending = self.pending();
        pending.moved = Instant::now();
        pending.waiters.remove(&id)
    }

    /// How busy the worker said it was.
    pub(super) fn load(&self) -> LanguageLoad {
        self.pending().load
    }

    /// What the worker said that it had counted.
    pub(super) fn metrics(&self) -> LanguageMetrics {
        self.pending().metrics.clone()
    }

    /// Whether there is work, and nothing has moved for so long.
    pub(super) fn hangs(&self, after: Duration) -> bool {
        let pending = self.pending();
        !pending.waiters.is_empty() && pending.moved.elapsed() >= after
    }

    /// Ends the process, whatever it does.
    pub(super) fn kill(&self) {
        self.process.kill();
    }

    /// Tells everybody who waits, and whoever asks from now on.
    pub(super) fn lose(&self, error: &ServiceError) {
        self.outbox.close();
        let waiters = {
            let mut pending = self.pending();
            pending.lost = Some(error.clone());
            std::mem::take(&mut pending.waiters)
        };
        waiters.into_values().for_each(|waiter| waiter.fail(error.clone()));
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn embeddings(message: EmbeddingsMessage) -> io::Result<Embeddings> {
    let count = message.count as usize;
    let length = message.numbers.len().checked_div(count).unwrap_or(1);
    if length == 0 || message.numbers.len() != count * length {
        return Err(malformed(format!("{} numbers of {count} embeddings", message.numbers.len())));
    }
    let vectors = message.numbers.chunks(length).map(<[f32]>::to_vec).collect();
    Ok(Embeddings { vectors, prompt_tokens: message.prompt_tokens })
}
