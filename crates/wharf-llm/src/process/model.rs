//! A language model in a process of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wharf_engine::WorkerCommand;
use wharf_infer::ServiceError;
use wharf_infer::language::{
    EmbedRequest, Embeddings, GenerateRequest, GenerateSink, LanguageCard, LanguageLoad, LanguageMetrics,
    LanguageModel, Reply, TextPart, Ticket, TokenId,
};

use super::OpenRequest;
use super::link::{Link, Waiter};
use super::supervisor::{Post, Recipe};
use super::wire::{AdapterMessage, Ask, DetokenizeMessage, TokenizeMessage, path_bytes};
use crate::TurnKeeper;

/// How workers are run.
#[derive(Clone, Debug)]
pub struct ProcessConfig {
    /// What a worker is: it calls [`super::serve_llm_worker`].
    pub command: WorkerCommand,
    /// A worker that has work and gets nowhere for so long is ended. A single pass may take long on a slow machine.
    pub hang_after: Duration,
    /// The line that workers stand in for their passes; none lets each pass when it wants to. Kept for as long as there is a
    /// worker that may be started again.
    pub turns: Option<Arc<TurnKeeper>>,
}

impl ProcessConfig {
    /// Workers of this command; they may take two minutes for a pass.
    pub fn new(command: WorkerCommand) -> Self {
        Self { command, hang_after: Duration::from_secs(120), turns: None }
    }
}

/// A language model in a worker process. Clones are the same model; with the last of them the process is gone, and its
/// memory with it.
#[derive(Clone)]
pub struct LlmProcess(Arc<Inner>);

struct Inner {
    post: Arc<Post>,
    card: LanguageCard,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl LlmProcess {
    /// Starts a worker and has it open a model. Blocks for as long as that takes.
    ///
    /// # Errors
    /// The process could not be started, ended, or cannot open the model.
    pub fn start(config: ProcessConfig, request: OpenRequest) -> Result<Self, ServiceError> {
        let post = Arc::new(Post::new(request.adapters.clone()));
        let recipe = Recipe { config, request };
        let running = post.start(&recipe)?;
        let card = running.card.clone();
        post.open();
        let kept = Arc::clone(&post);
        let keep = move || kept.keep(&recipe, running);
        // Dropped with its closure where there is no thread, the worker's socket ends the process.
        let supervisor = thread::Builder::new().name("llm-worker".to_owned()).spawn(keep);
        let supervisor = supervisor.map_err(|error| {
            post.close();
            ServiceError::internal("there is no thread to watch the model's process", error)
        })?;
        Ok(Self(Arc::new(Inner { post, card, supervisor: Mutex::new(Some(supervisor)) })))
    }

    /// How often its process had to be started again.
    pub fn restarts(&self) -> u64 {
        self.0.post.restarts()
    }

    fn ask(&self, ask: Ask, waiter: Waiter) -> Option<(Arc<Link>, u64)> {
        match self.0.post.link() {
            Ok(link) => link.ask(ask, waiter).map(|id| (link, id)),
            Err(error) => {
                waiter.fail(error);
                None
            }
        }
    }
}

impl Drop for Inner {
    /// The process is gone when this returns.
    fn drop(&mut self) {
        self.post.close();
        let supervisor = self.supervisor.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A sink that had the last handle is dropped on the supervisor's own thread, which ends by itself.
        if let Some(supervisor) = supervisor.filter(|thread| thread.thread().id() != thread::current().id()) {
            let _ended = supervisor.join();
        }
    }
}

impl LanguageModel for LlmProcess {
    fn card(&self) -> &LanguageCard {
        &self.0.card
    }

    fn generate(&self, request: GenerateRequest, sink: Box<dyn GenerateSink>) -> Ticket {
        let sink = Waiter::Text(Arc::new(Mutex::new(sink)));
        match self.ask(Ask::Generate(request.into()), sink) {
            Some((link, id)) => {
                let link = Arc::downgrade(&link);
                Ticket::new(move || {
                    if let Some(link) = link.upgrade() {
                        link.cancel(id);
                    }
                })
            }
            None => Ticket::new(|| {}),
        }
    }

    fn tokenize(&self, parts: Vec<TextPart>, with_special: bool, reply: Reply<Vec<TokenId>>) {
        let parts = parts.into_iter().map(Into::into).collect();
        self.ask(Ask::Tokenize(TokenizeMessage { parts, with_special }), Waiter::Tokens(reply));
    }

    fn detokenize(&self, tokens: Vec<TokenId>, with_special: bool, reply: Reply<Vec<Vec<u8>>>) {
        self.ask(Ask::Detokenize(DetokenizeMessage { tokens, with_special }), Waiter::Pieces(reply));
    }

    fn embed(&self, request: EmbedRequest, reply: Reply<Embeddings>) {
        self.ask(Ask::Embed(request.into()), Waiter::Embeddings(reply));
    }

    fn adapters(&self) -> Vec<String> {
        self.0.post.adapters()
    }

    fn load_adapter(&self, name: String, file: PathBuf, reply: Reply<()>) {
        let ask = Ask::LoadAdapter(AdapterMessage { name: name.clone(), file: path_bytes(&file) });
        let post = Arc::downgrade(&self.0.post);
        let note = move |loaded: Result<(), ServiceError>| {
            if let (Ok(()), Some(post)) = (&loaded, post.upgrade()) {
                post.note_adapter(name, Some(file));
            }
            reply(loaded);
        };
        self.ask(ask, Waiter::Done(Box::new(note)));
    }

    fn unload_adapter(&self, name: String, reply: Reply<()>) {
        let ask = Ask::UnloadAdapter(AdapterMessage { name: name.clone(), file: Vec::new() });
        let post = Arc::downgrade(&self.0.post);
        let note = move |unloaded: Result<(), ServiceError>| {
            if let (Ok(()), Some(post)) = (&unloaded, post.upgrade()) {
                post.note_adapter(name, None);
            }
            reply(unloaded);
        };
        self.ask(ask, Waiter::Done(Box::new(note)));
    }

    fn load(&self) -> LanguageLoad {
        self.0.post.link().map(|link| link.load()).unwrap_or_default()
    }

    fn metrics(&self) -> LanguageMetrics {
        self.0.post.link().map(|link| link.metrics()).unwrap_or_default()
    }
}
