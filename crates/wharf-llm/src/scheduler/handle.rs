//! The scheduler as other threads see it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wharf_infer::language::{
    GenerateEvent, GenerateRequest, GenerateSink, LanguageLoad, LanguageMetrics, Ticket,
};
use wharf_infer::{ErrorCode, ServiceError};

use super::prepare::{Prepared, Preparer};
use crate::{AdapterId, Decoder};

/// Something to be done with the decoder between two passes.
pub(super) type Call<D> = Box<dyn FnOnce(&mut D) + Send>;

/// What is to be done with an adapter that nobody uses any more.
pub(super) type Unload<D> = Box<dyn FnOnce(&mut D, AdapterId) + Send>;

/// What other threads ask of the scheduler.
pub(super) enum Command<D> {
    Generate(u64, Box<Prepared>, Box<dyn GenerateSink>),
    Cancel(u64),
    Call(Call<D>),
    RemoveAdapter(AdapterId, Unload<D>),
}

/// What has come in.
pub(super) struct Inbox<D> {
    pub(super) commands: Vec<Command<D>>,
    pub(super) is_closed: bool,
}

/// What the threads have in common.
pub(super) struct Shared<D> {
    inbox: Mutex<Inbox<D>>,
    wake: Condvar,
    adapters: Mutex<BTreeMap<String, AdapterId>>,
    next_request: AtomicU64,
    /// Answers that wait for their turn, those still in the inbox among them.
    pub(super) waiting: AtomicUsize,
    queue: usize,
    pub(super) preparer: Preparer,
    pub(super) state: Mutex<Published>,
}

/// What the scheduler last said about itself.
#[derive(Clone, Default)]
pub(super) struct Published {
    pub(super) load: LanguageLoad,
    pub(super) metrics: LanguageMetrics,
    /// How long the queue takes, by the rate of late.
    pub(super) queue_time: Duration,
}

/// A lock that a panic elsewhere has not made useless: what it guards is only ever replaced as a whole.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Decoder> Shared<D> {
    pub(super) fn new(preparer: Preparer, queue: usize) -> Self {
        Self {
            inbox: Mutex::new(Inbox { commands: Vec::new(), is_closed: false }),
            wake: Condvar::new(),
            adapters: Mutex::new(BTreeMap::new()),
            next_request: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            queue,
            preparer,
            state: Mutex::new(Published::default()),
        }
    }

    /// False if the scheduler is closed; then the command is dropped.
    fn send(&self, command: Command<D>) -> Result<(), Command<D>> {
        let mut inbox = lock(&self.inbox);
        if inbox.is_closed {
            return Err(command);
        }
        inbox.commands.push(command);
        drop(inbox);
        self.wake.notify_one();
        Ok(())
    }

    /// Everything that has come in, and whether nothing more will.
    pub(super) fn receive(&self) -> (Vec<Command<D>>, bool) {
        let mut inbox = lock(&self.inbox);
        (std::mem::take(&mut inbox.commands), inbox.is_closed)
    }

    /// Waits until something comes in.
    pub(super) fn wait(&self) {
        let inbox = lock(&self.inbox);
        let idle = |inbox: &mut Inbox<D>| inbox.commands.is_empty() && !inbox.is_closed;
        drop(self.wake.wait_while(inbox, idle).unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn close(&self) {
        lock(&self.inbox).is_closed = true;
        self.wake.notify_all();
    }
}

/// Asks a scheduler for work. Cheap to clone, and any thread may use it.
pub struct SchedulerHandle<D> {
    pub(super) shared: Arc<Shared<D>>,
}

impl<D> Clone for SchedulerHandle<D> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<D: Decoder + 'static> SchedulerHandle<D> {
    /// Continues a text. The prompt is tokenised and the constraint compiled on this thread, which may take milliseconds;
    /// the first event comes from it too.
    pub fn generate(&self, request: GenerateRequest, mut sink: Box<dyn GenerateSink>) -> Ticket {
        match self.prepare(request) {
            Ok(prepared) => self.submit(prepared, sink),
            Err(error) => {
                sink.event(GenerateEvent::Failed(error));
                Ticket::new(|| {})
            }
        }
    }

    /// Holds a text that is to be cut into tokens, and is no prompt, to a length.
    ///
    /// # Errors
    /// It has more bytes than this model could be asked about, and more than a MiB.
    pub(crate) fn check_text(&self, bytes: usize) -> Result<(), ServiceError> {
        self.shared.preparer.check_text(bytes)
    }

    fn prepare(&self, request: GenerateRequest) -> Result<Prepared, ServiceError> {
        let shared = &self.shared;
        shared.preparer.check(&request)?;
        let waiting = shared.waiting.load(Ordering::Relaxed);
        if waiting.saturating_add(request.choices as usize) > shared.queue {
            let wait = lock(&shared.state).queue_time.max(Duration::from_secs(1));
            return Err(
                ServiceError::new(ErrorCode::Overloaded, "the model's queue is full").with_retry_after(wait)
            );
        }
        let adapter = match &request.adapter {
            None => None,
            Some(name) => Some(lock(&shared.adapters).get(name).copied().ok_or_else(|| {
                ServiceError::new(ErrorCode::NotFound, format!("adapter `{name}` is not loaded"))
            })?),
        };
        shared.preparer.prepare(request, adapter)
    }

    fn submit(&self, prepared: Prepared, mut sink: Box<dyn GenerateSink>) -> Ticket {
        let shared = &self.shared;
        let prompt_tokens = prepared.prompt.len() as u32;
        let choices = prepared.request.choices as usize;
        if !sink.event(GenerateEvent::Accepted { prompt_tokens }) {
            return Ticket::new(|| {});
        }
        let id = shared.next_request.fetch_add(1, Ordering::Relaxed);
        shared.waiting.fetch_add(choices, Ordering::Relaxed);
        if let Err(Command::Generate(_, _, mut sink)) =
            shared.send(Command::Generate(id, Box::new(prepared), sink))
        {
            shared.waiting.fetch_sub(choices, Ordering::Relaxed);
            sink.event(GenerateEvent::Failed(closed()));
            return Ticket::new(|| {});
        }
        let shared = shared.clone();
        Ticket::new(move || drop(shared.send(Command::Cancel(id))))
    }

    /// Does something with the decoder on its own thread, between two passes. Dropped without a call once the scheduler
    /// is closed.
    pub fn call(&self, call: impl FnOnce(&mut D) + Send + 'static) {
        drop(self.shared.send(Command::Call(Box::new(call))));
    }

    /// From now on requests may name this adapter, which the decoder has.
    pub fn add_adapter(&self, name: impl Into<String>, adapter: AdapterId) {
        lock(&self.shared.adapters).insert(name.into(), adapter);
    }

    /// From now on requests may not name this adapter. Once no request uses it and nothing computed with it is kept,
    /// `unload` is called on the decoder's thread. False if there is none of this name.
    pub fn remove_adapter(
        &self,
        name: &str,
        unload: impl FnOnce(&mut D, AdapterId) + Send + 'static,
    ) -> bool {
        let Some(adapter) = lock(&self.shared.adapters).remove(name) else { return false };
        drop(self.shared.send(Command::RemoveAdapter(adapter, Box::new(unload))));
        true
    }

    /// The adapters that requests may name.
    pub fn adapters(&self) -> Vec<String> {
        lock(&self.shared.adapters).keys().cloned().collect()
    }

    /// How busy it is, as of its last pass.
    pub fn load(&self) -> LanguageLoad {
        let waiting = self.shared.waiting.load(Ordering::Relaxed) as u32;
        LanguageLoad { waiting, ..lock(&self.shared.state).load }
    }

    /// What it has counted up to its last pass.
    pub fn metrics(&self) -> LanguageMetrics {
        let mut metrics = lock(&self.shared.state).metrics.clone();
        metrics.requests_waiting = self.shared.waiting.load(Ordering::Relaxed) as u64;
        metrics
    }

    /// Ends the scheduler's run; what is not answered by then fails.
    pub fn close(&self) {
        self.shared.close();
    }
}

/// What the unanswered are told at the end.
pub(super) fn closed() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the model is being unloaded")
}
