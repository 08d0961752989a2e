//! A decoder with its scheduler on a thread of its own, as a [`LanguageModel`].

mod answer;
mod embed;
mod pool;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use wharf_infer::language::{
    EmbedRequest, Embeddings, GenerateRequest, GenerateSink, LanguageCard, LanguageLoad, LanguageMetrics,
    LanguageModel, Prompt, Reply, TextPart, Ticket, TokenId,
};
use wharf_infer::{ErrorCode, ServiceError};

use crate::store::PrefixStore;
use crate::{Decoder, PrefixStoreConfig, Scheduler, SchedulerConfig, SchedulerHandle, SharedVocabulary};
use answer::SureReply;
use embed::{EmbedWork, refusal};
use pool::WorkPool;

/// Threads that tokenise and compile.
const PREPARING_THREADS: usize = 2;
/// Bytes of text from which a request is prepared on a thread of its own kind: a second's work for one caller must not
/// hold up the others' milliseconds.
const LONG_TEXT: usize = 64 << 10;

/// What a language model is made of.
pub struct ModelParts<D> {
    /// Runs its passes.
    pub decoder: D,
    /// A smaller model of the same vocabulary that guesses.
    pub draft: Option<Box<dyn Decoder + Send>>,
    /// Its tokens.
    pub vocabulary: SharedVocabulary,
    /// What is known of it.
    pub card: LanguageCard,
    /// Where its prefixes survive a restart.
    pub prefixes: Option<PrefixStoreConfig>,
}

/// Puts a model's scheduler on a thread of its own, which ends when the model is dropped.
///
/// # Errors
/// The system gives no more threads, or the folder for prefixes cannot be used.
pub fn start_model<D: Decoder + Send + 'static>(
    parts: ModelParts<D>,
    config: SchedulerConfig,
) -> Result<Arc<dyn LanguageModel>, ServiceError> {
    let no_threads = |error| ServiceError::internal("the model could not be started", error);
    let ModelParts { decoder, draft, vocabulary, card, prefixes } = parts;
    let pool = WorkPool::new(PREPARING_THREADS).map_err(no_threads)?;
    let long_pool = WorkPool::new(1).map_err(no_threads)?;
    let mut scheduler = Scheduler::new(decoder, vocabulary.clone(), config);
    if let Some(draft) = draft {
        scheduler = scheduler.with_draft(draft);
    }
    if let Some(prefixes) = prefixes {
        let no_folder = |error| ServiceError::internal("the folder for prefixes cannot be used", error);
        scheduler = scheduler.with_store(PrefixStore::open(prefixes).map_err(no_folder)?);
    }
    let handle = scheduler.handle();
    // A fault has been told to everyone by the time it comes back here.
    let work = move || drop(scheduler.run());
    let thread = thread::Builder::new().name("llm-engine".to_owned()).spawn(work).map_err(no_threads)?;
    Ok(Arc::new(ScheduledModel { handle, pool, long_pool, vocabulary, card, thread: Some(thread) }))
}

struct ScheduledModel<D: Decoder + 'static> {
    handle: SchedulerHandle<D>,
    pool: WorkPool,
    /// For long texts.
    long_pool: WorkPool,
    vocabulary: SharedVocabulary,
    card: LanguageCard,
    thread: Option<JoinHandle<()>>,
}

impl<D: Decoder + 'static> Drop for ScheduledModel<D> {
    /// Waits for the engine's thread, so that its memory is free afterwards; unless it is this very thread.
    fn drop(&mut self) {
        self.handle.close();
        if let Some(thread) =
            self.thread.take().filter(|engine| engine.thread().id() != thread::current().id())
        {
            drop(thread.join());
        }
    }
}

impl<D: Decoder + 'static> ScheduledModel<D> {
    /// The threads for a text of so many bytes.
    fn pool_for(&self, bytes: usize) -> &WorkPool {
        if bytes < LONG_TEXT { &self.pool } else { &self.long_pool }
    }
}

/// Bytes of text that are to be cut into tokens.
fn text_bytes(prompt: &Prompt) -> usize {
    match prompt {
        Prompt::Text { parts, .. } => parts_bytes(parts),
        Prompt::Tokens(_) => 0,
    }
}

fn parts_bytes(parts: &[TextPart]) -> usize {
    parts.iter().map(|part| part.text.len()).sum()
}

/// Where a request is that has been taken.
enum Place {
    Preparing,
    Queued(#[expect(dead_code, reason = "it is there to be dropped")] Ticket),
    Left,
}

impl<D: Decoder + Send + 'static> LanguageModel for ScheduledModel<D> {
    fn card(&self) -> &LanguageCard {
        &self.card
    }

    fn generate(&self, request: GenerateRequest, sink: Box<dyn GenerateSink>) -> Ticket {
        let place = Arc::new(Mutex::new(Place::Preparing));
        let (handle, preparing) = (self.handle.clone(), place.clone());
        self.pool_for(text_bytes(&request.prompt)).run(move || {
            let lock = || preparing.lock().unwrap_or_else(PoisonError::into_inner);
            if matches!(*lock(), Place::Left) {
                return;
            }
            let ticket = handle.generate(request, sink);
            let mut place = lock();
            // Assigned in any case: a ticket of someone who left is dropped, which ends the work.
            if matches!(*place, Place::Preparing) {
                *place = Place::Queued(ticket);
            }
        });
        Ticket::new(move || {
            let left =
                std::mem::replace(&mut *place.lock().unwrap_or_else(PoisonError::into_inner), Place::Left);
            drop(left);
        })
    }

    fn tokenize(&self, parts: Vec<TextPart>, with_special: bool, reply: Reply<Vec<TokenId>>) {
        let (vocabulary, reply) = (self.vocabulary.clone(), SureReply::new(reply));
        let bytes = parts_bytes(&parts);
        if let Err(error) = self.handle.check_text(bytes) {
            return reply.give(Err(error));
        }
        self.pool_for(bytes).run(move || reply.give(Ok(vocabulary.tokenize(&parts, with_special))));
    }

    fn detokenize(&self, tokens: Vec<TokenId>, with_special: bool, reply: Reply<Vec<Vec<u8>>>) {
        let (vocabulary, reply) = (self.vocabulary.clone(), SureReply::new(reply));
        self.pool.run(move || {
            let bytes = |&token: &TokenId| match vocabulary.control_name(token) {
                Some(name) if with_special => name.as_bytes().to_vec(),
                Some(_) => Vec::new(),
                None => vocabulary.bytes(token).to_vec(),
            };
            let size = vocabulary.size();
            match tokens.iter().find(|&&token| token as usize >= size) {
                Some(token) => reply.give(Err(ServiceError::invalid_argument(format!(
                    "token {token} is not in the vocabulary, expected less than {size}"
                )))),
                None => reply.give(Ok(tokens.iter().map(bytes).collect())),
            }
        });
    }

    fn embed(&self, request: EmbedRequest, reply: Reply<Embeddings>) {
        let (vocabulary, handle) = (self.vocabulary.clone(), self.handle.clone());
        let reply = SureReply::new(reply);
        let bytes = request.inputs.iter().map(text_bytes).fold(0, usize::saturating_add);
        if let Err(error) = self.handle.check_text(bytes) {
            return reply.give(Err(error));
        }
        self.pool_for(bytes).run(move || {
            let tokens = |prompt: Prompt| match prompt {
                Prompt::Text { parts, with_special } => vocabulary.tokenize(&parts, with_special),
                Prompt::Tokens(tokens) => tokens,
            };
            let inputs: Vec<Vec<TokenId>> = request.inputs.into_iter().map(tokens).collect();
            let size = vocabulary.size();
            if let Some(token) = inputs.iter().flatten().find(|&&token| token as usize >= size) {
                return reply.give(Err(ServiceError::invalid_argument(format!(
                    "token {token} is not in the vocabulary, expected less than {size}"
                ))));
            }
            match inputs.iter().position(Vec::is_empty) {
                Some(index) => reply.give(Err(ServiceError::invalid_argument(format!(
                    "text {index} has no tokens, expected at least 1"
                )))),
                None => EmbedWork::new(inputs, request.normalize, reply).queue(handle),
            }
        });
    }

    fn adapters(&self) -> Vec<String> {
        self.handle.adapters()
    }

    fn load_adapter(&self, name: String, file: PathBuf, reply: Reply<()>) {
        let (handle, reply) = (self.handle.clone(), SureReply::new(reply));
        self.handle.call(move |decoder| {
            if handle.adapters().contains(&name) {
                let message = format!("adapter `{name}` is loaded already");
                return reply.give(Err(ServiceError::new(ErrorCode::AlreadyExists, message)));
            }
            let loaded = decoder.load_adapter(&file).map_err(|fault| refusal(&fault));
            reply.give(loaded.map(|adapter| handle.add_adapter(name, adapter)));
        });
    }

    fn unload_adapter(&self, name: String, reply: Reply<()>) {
        let reply = Arc::new(Mutex::new(Some(SureReply::new(reply))));
        let told = reply.clone();
        let answer = move |reply: &Mutex<Option<SureReply<()>>>, answer| {
            let reply = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(reply) = reply {
                reply.give(answer);
            }
        };
        let was_there = self.handle.remove_adapter(&name, move |decoder, adapter| {
            decoder.unload_adapter(adapter);
            answer(&told, Ok(()));
        });
        if !was_there {
            let message = format!("adapter `{name}` is not loaded");
            answer(&reply, Err(ServiceError::new(ErrorCode::NotFound, message)));
        }
    }

    fn load(&self) -> LanguageLoad {
        self.handle.load()
    }

    fn metrics(&self) -> LanguageMetrics {
        self.handle.metrics()
    }
}
