//! Keeps a worker process running: one that ends is started again.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use wharf_engine::RestartPace;
use wharf_infer::language::LanguageCard;
use wharf_infer::{ErrorCode, ServiceError};

use super::OpenRequest;
use super::frame::{FrameReader, Received, malformed};
use super::link::Link;
use super::model::ProcessConfig;
use super::wire::{Ask, Report, Tell};

/// What a worker is started with.
pub(super) struct Recipe {
    pub(super) config: ProcessConfig,
    pub(super) request: OpenRequest,
}

/// A worker that has its model.
pub(super) struct Running {
    pub(super) link: Arc<Link>,
    pub(super) card: LanguageCard,
    reports: FrameReader<UnixStream>,
    child: Child,
}

/// The worker of one model, as it is now.
#[derive(Default)]
pub(super) struct Post {
    state: Mutex<State>,
    changed: Condvar,
    restarts: AtomicU64,
}

#[derive(Default)]
struct State {
    /// The process, which may still be loading.
    link: Option<Arc<Link>>,
    is_ready: bool,
    is_closed: bool,
    /// Adapters that a worker which is started again loads again.
    adapters: BTreeMap<String, PathBuf>,
}

impl Post {
    /// For a model that has these adapters from the start.
    pub(super) fn new(adapters: BTreeMap<String, PathBuf>) -> Self {
        let state = Mutex::new(State { adapters, ..State::default() });
        Self { state, ..Self::default() }
    }

    /// The worker that answers.
    pub(super) fn link(&self) -> Result<Arc<Link>, ServiceError> {
        let state = self.state();
        state.link.as_ref().filter(|_| state.is_ready).cloned().ok_or_else(|| {
            let message = if state.is_closed {
                "the model is being unloaded"
            } else {
                "the model's process is being started again"
            };
            ServiceError::new(ErrorCode::Unavailable, message).with_retry_after(Duration::from_secs(1))
        })
    }

    /// How often the worker was started again.
    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// The adapters that are loaded.
    pub(super) fn adapters(&self) -> Vec<String> {
        self.state().adapters.keys().cloned().collect()
    }

    /// Notes that an adapter was loaded, or with no file that it was not.
    pub(super) fn note_adapter(&self, name: String, file: Option<PathBuf>) {
        let mut state = self.state();
        match file {
            Some(file) => drop(state.adapters.insert(name, file)),
            None => drop(state.adapters.remove(&name)),
        }
    }

    /// Starts a worker and has it open its model. The process is killed where that fails.
    pub(super) fn start(&self, recipe: &Recipe) -> Result<Running, ServiceError> {
        let started = Link::start(&recipe.config.command);
        let (link, mut reports, mut child) = started
            .map_err(|error| ServiceError::internal("the model's process could not be started", error))?;
        let link = Arc::new(link);
        self.install(&link);
        let request = OpenRequest { adapters: self.state().adapters.clone(), ..recipe.request.clone() };
        link.send(Ask::Open((&request).into()));
        match opened(&mut reports) {
            Ok(Ok(card)) => Ok(Running { link, card, reports, child }),
            failed => {
                link.kill();
                let status = child.wait().ok();
                let error = failed.map_or_else(
                    |error| ended(status, "while it loaded the model").with_detail(error),
                    |refused| refused.err().unwrap_or_else(|| ended(status, "while it loaded the model")),
                );
                link.lose(&error);
                self.remove();
                Err(error)
            }
        }
    }

    /// Answers from now on.
    pub(super) fn open(&self) {
        self.state().is_ready = true;
    }

    /// Ends the worker for good.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        if let Some(link) = &state.link {
            link.kill();
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Passes on what the worker says until it ends, starts another, and so on until the post is closed.
    pub(super) fn keep(&self, recipe: &Recipe, mut running: Running) {
        let mut pace = RestartPace::default();
        loop {
            let begun = Instant::now();
            let error = self.follow(&recipe.config, &mut running);
            if self.state().is_closed {
                return;
            }
            let pause = pace.ended(begun.elapsed());
            tracing::error!(%error, "a model's process ended; it is started again in {} s", pause.as_secs());
            match self.replace(recipe, &mut pace, pause) {
                Some(next) => running = next,
                None => return,
            }
        }
    }

    /// Passes on what the worker says until it ends, and tells everybody who waits.
    fn follow(&self, config: &ProcessConfig, running: &mut Running) -> ServiceError {
        let Running { link, reports, child, .. } = running;
        let is_hung = loop {
            match reports.next() {
                Ok(Received::Message(report)) => {
                    if let Err(error) = link.hear(report) {
                        tracing::error!(%error, "a model's process made no sense");
                        break false;
                    }
                    if !link.hangs(config.hang_after) {
                        continue;
                    }
                }
                Ok(Received::Quiet) if !link.hangs(config.hang_after) => continue,
                Ok(Received::Quiet) => {}
                Ok(Received::End) | Err(_) => break false,
            }
            break true;
        };
        link.kill();
        let status = child.wait().ok();
        let error = match (self.state().is_closed, is_hung) {
            (true, _) => ServiceError::new(ErrorCode::Unavailable, "the model is being unloaded"),
            (_, true) => ServiceError::new(ErrorCode::Unavailable, "the model's process hung and was ended"),
            _ => ended(status, "during the request"),
        };
        self.remove();
        link.lose(&error);
        error
    }

    /// Another worker with the same model; `None` once the post is closed.
    fn replace(&self, recipe: &Recipe, pace: &mut RestartPace, mut pause: Duration) -> Option<Running> {
        loop {
            if self.is_closed_within(pause) {
                return None;
            }
            match self.start(recipe) {
                Ok(running) => {
                    self.restarts.fetch_add(1, Ordering::Relaxed);
                    self.open();
                    return Some(running);
                }
                Err(error) => {
                    tracing::error!(%error, detail = error.detail(), "a model's process was not started again");
                }
            }
            pause = pace.failed();
        }
    }

    /// Waits; says whether the post was closed meanwhile.
    fn is_closed_within(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| !state.is_closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.is_closed
    }

    fn install(&self, link: &Arc<Link>) {
        let mut state = self.state();
        state.link = Some(Arc::clone(link));
        // Whoever closed the post found no process to end.
        if state.is_closed {
            link.kill();
        }
    }

    fn remove(&self) {
        let mut state = self.state();
        (state.link, state.is_ready) = (None, false);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the answer to the order to open a model, for as long as it takes.
fn opened(reports: &mut FrameReader<UnixStream>) -> io::Result<Result<LanguageCard, ServiceError>> {
    loop {
        match reports.next()? {
            Received::Message(Report { tell: Some(Tell::Opened(card)), .. }) => return Ok(Ok(card.into())),
            Received::Message(Report { tell: Some(Tell::Failed(error)), .. }) => {
                return Ok(Err(error.try_into()?));
            }
            Received::Message(_) => return Err(malformed("first report")),
            Received::Quiet => {}
            Received::End => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// What a caller is told of a worker that ended.
fn ended(status: Option<ExitStatus>, when: &str) -> ServiceError {
    let how = match status.and_then(|status| status.signal()) {
        Some(signal) => format!(" by signal {signal}{}", name_of(signal)),
        None => String::new(),
    };
    let error = ServiceError::new(ErrorCode::Unavailable, format!("the model's process ended{how} {when}"));
    match status {
        Some(status) => error.with_detail(status),
        None => error,
    }
}

fn name_of(signal: i32) -> &'static str {
    match signal {
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        7 => " (SIGBUS)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        15 => " (SIGTERM)",
        _ => "",
    }
}
