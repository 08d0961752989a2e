//! An encoder as a language model that writes nothing.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use wharf_bundle::{Bundle, PooledFinish};
use wharf_encode::{TokenRow, finish};
use wharf_engine::LoadedEncoder;
use wharf_infer::language::{
    EmbedRequest, Embeddings, GenerateEvent, GenerateRequest, GenerateSink, LanguageCard, LanguageLoad,
    LanguageMetrics, LanguageModel, Prompt, RankRequest, Reply, TextPart, Ticket, TokenId,
};
use wharf_infer::{Deadline, ErrorCode, InferRequest, ModelRef, ServiceError};

use super::rows::cut;
use crate::ModelManager;
use crate::manager::Inner;
use crate::served::ServedModel;

/// What an encoder has beside its graph.
pub(crate) struct EncoderFace {
    server: Weak<Inner>,
    card: LanguageCard,
    counts: Counts,
}

/// What is counted since it was loaded.
#[derive(Default)]
struct Counts {
    running: AtomicU32,
    tokens: AtomicU64,
    answered: AtomicU64,
    failed: AtomicU64,
}

/// A version as a language model, where it is one.
pub(crate) fn language_model(served: &Arc<ServedModel>) -> Option<Arc<dyn LanguageModel>> {
    let own = served.model.replica().language_model();
    own.or_else(|| Some(Arc::new(EncoderModel::of(served)?) as Arc<dyn LanguageModel>))
}

impl EncoderFace {
    /// That of a bundle that is loaded; `None` where it is no encoder.
    pub(crate) fn of(
        bundle: &Bundle,
        encoder: Option<&Arc<LoadedEncoder>>,
        server: Weak<Inner>,
    ) -> Option<Self> {
        let encoder = encoder?;
        let weights = bundle.weights_path().ok().and_then(|path| fs::metadata(path).ok());
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let card = LanguageCard {
            architecture: encoder.settings().architecture.clone(),
            context_tokens: number(encoder.max_tokens()),
            embedding_size: number(encoder.size()),
            vocabulary_size: encoder.tokenizer().max_id().saturating_add(1),
            size_bytes: weights.map_or(0, |weights| weights.len()),
            embeds: !encoder.is_ranker(),
            ranks: encoder.is_ranker(),
            special_tokens: encoder.tokenizer().special_tokens(),
            control_texts: encoder.tokenizer().control_texts(),
            ..LanguageCard::default()
        };
        Some(Self { server, card, counts: Counts::default() })
    }
}

/// An encoder that is loaded, for as long as this lives.
#[derive(Clone)]
struct EncoderModel {
    served: Arc<ServedModel>,
    face: Arc<EncoderFace>,
    encoder: Arc<LoadedEncoder>,
}

/// What is asked of an encoder: the vectors of these.
enum Asked {
    Prompts(Vec<Prompt>),
    Pairs(RankRequest),
}

impl EncoderModel {
    fn of(served: &Arc<ServedModel>) -> Option<Self> {
        let (face, encoder) = (served.encoder.as_ref()?, served.model.encoder()?);
        Some(Self { served: Arc::clone(served), face: Arc::clone(face), encoder: Arc::clone(encoder) })
    }

    /// Answers from a task of its own.
    fn start(&self, asked: Asked, normalize: bool, reply: Reply<Embeddings>) {
        let Some(server) = self.face.server.upgrade() else { return reply(Err(gone())) };
        let (model, manager) = (self.clone(), ModelManager(Arc::clone(&server)));
        server.tasks.spawn(async move {
            let counts = &model.face.counts;
            counts.running.fetch_add(1, Ordering::Relaxed);
            let answer = model.answer(&manager, asked, normalize).await;
            counts.running.fetch_sub(1, Ordering::Relaxed);
            match &answer {
                Ok(answer) => {
                    counts.tokens.fetch_add(u64::from(answer.prompt_tokens), Ordering::Relaxed);
                    counts.answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    counts.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            reply(answer);
        });
    }

    /// One request, whatever the number of its texts.
    async fn answer(
        &self,
        manager: &ModelManager,
        asked: Asked,
        normalize: bool,
    ) -> Result<Embeddings, ServiceError> {
        let mut call = manager.0.metrics.call(Deadline::NONE);
        call.is_of(&self.served.metrics);
        let answer = self.admitted(manager, asked, normalize).await;
        call.finish(&answer);
        answer
    }

    async fn admitted(
        &self,
        manager: &ModelManager,
        asked: Asked,
        normalize: bool,
    ) -> Result<Embeddings, ServiceError> {
        let _permit = manager.0.admission.admit()?;
        let size = asked.size();
        let rows = cut(&self.encoder, size, move |encoder| asked.rows(encoder)).await?;
        let prompt_tokens = rows.iter().map(TokenRow::len).sum::<usize>();
        let like = InferRequest::new(ModelRef::latest(self.served.name.as_str()));
        let vectors = manager.run_rows(&self.served, rows, &like).await?;
        let (mut numbers, size) = (vectors.to_vec::<f32>()?, self.encoder.size().max(1));
        if normalize && !self.encoder.is_ranker() && !self.encoder.settings().normalize {
            finish(&mut numbers, size, PooledFinish::UnitLength);
        }
        Ok(Embeddings {
            vectors: numbers.chunks(size).map(<[f32]>::to_vec).collect(),
            prompt_tokens: u32::try_from(prompt_tokens).unwrap_or(u32::MAX),
        })
    }
}

impl Asked {
    /// Bytes of the texts.
    fn size(&self) -> usize {
        let of = |prompt: &Prompt| match prompt {
            Prompt::Text { parts, .. } => parts.iter().map(|part| part.text.len()).sum(),
            Prompt::Tokens(_) => 0,
        };
        match self {
            Self::Prompts(prompts) => prompts.iter().map(of).sum(),
            Self::Pairs(request) => {
                let each = request.documents.iter().map(|document| document.len() + request.query.len());
                each.sum()
            }
        }
    }

    fn rows(self, encoder: &LoadedEncoder) -> Result<Vec<TokenRow>, ServiceError> {
        match self {
            Self::Prompts(prompts) => prompts.into_iter().map(|prompt| row(encoder, prompt)).collect(),
            Self::Pairs(request) => {
                request.documents.iter().map(|document| encoder.pair(&request.query, document)).collect()
            }
        }
    }
}

fn row(encoder: &LoadedEncoder, prompt: Prompt) -> Result<TokenRow, ServiceError> {
    match prompt {
        Prompt::Tokens(tokens) => encoder.tokens(tokens),
        Prompt::Text { parts, with_special } => encoder.row(&plain(parts)?, with_special),
    }
}

/// The text of parts that a caller wrote. An encoder has no templates, whose parts would be others.
fn plain(parts: Vec<TextPart>) -> Result<String, ServiceError> {
    match parts.iter().any(|part| part.is_markup) {
        true => Err(ServiceError::invalid_argument(
            "the text is markup, expected plain text: the model has no template",
        )),
        false => Ok(parts.into_iter().map(|part| part.text).collect()),
    }
}

impl LanguageModel for EncoderModel {
    fn card(&self) -> &LanguageCard {
        &self.face.card
    }

    fn generate(&self, _: GenerateRequest, mut sink: Box<dyn GenerateSink>) -> Ticket {
        let text = "the model writes no text, expected one that does";
        // Who asked may have gone.
        let _ = sink.event(GenerateEvent::Failed(ServiceError::new(ErrorCode::FailedPrecondition, text)));
        Ticket::new(|| {})
    }

    fn tokenize(&self, parts: Vec<TextPart>, with_special: bool, reply: Reply<Vec<TokenId>>) {
        let tokenizer = self.encoder.tokenizer();
        let encode = |text: String| {
            let encoded = tokenizer.encode(&text, with_special);
            encoded.map_err(|error| ServiceError::invalid_argument(format!("the text {error}")))
        };
        reply(plain(parts).and_then(encode).map(|row| row.ids));
    }

    fn detokenize(&self, tokens: Vec<TokenId>, with_special: bool, reply: Reply<Vec<Vec<u8>>>) {
        let pieces = self.encoder.tokenizer().pieces(&tokens, with_special);
        reply(Ok(pieces.into_iter().map(String::into_bytes).collect()));
    }

    fn embed(&self, request: EmbedRequest, reply: Reply<Embeddings>) {
        self.start(Asked::Prompts(request.inputs), request.normalize, reply);
    }

    fn rank(&self, request: RankRequest, reply: Reply<Embeddings>) {
        self.start(Asked::Pairs(request), false, reply);
    }

    fn adapters(&self) -> Vec<String> {
        Vec::new()
    }

    fn load_adapter(&self, name: String, _: PathBuf, reply: Reply<()>) {
        reply(Err(no_adapter(&name)));
    }

    fn unload_adapter(&self, name: String, reply: Reply<()>) {
        reply(Err(no_adapter(&name)));
    }

    fn load(&self) -> LanguageLoad {
        let running = self.face.counts.running.load(Ordering::Relaxed);
        let steps = self.served.metrics.batches.snapshot().rows;
        LanguageLoad { running, steps, ..LanguageLoad::default() }
    }

    fn metrics(&self) -> LanguageMetrics {
        let counts = &self.face.counts;
        LanguageMetrics {
            requests_running: u64::from(counts.running.load(Ordering::Relaxed)),
            prompt_tokens: counts.tokens.load(Ordering::Relaxed),
            finished_stop: counts.answered.load(Ordering::Relaxed),
            failed: counts.failed.load(Ordering::Relaxed),
            ..LanguageMetrics::default()
        }
    }
}

fn no_adapter(name: &str) -> ServiceError {
    let text = format!("the adapter `{name}` cannot be, expected none: an encoder has no adapters");
    ServiceError::new(ErrorCode::FailedPrecondition, text)
}

fn gone() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the server is shutting down")
}
