//! The contract of a language model, whatever runs it.

use std::collections::BTreeMap;

use super::{GenerateEvent, GenerateRequest, LanguageMetrics, Prompt, TextPart, TokenId};
use crate::ServiceError;

/// Takes the one answer to a question. Called from the model's own thread: it must not wait.
pub type Reply<T> = Box<dyn FnOnce(Result<T, ServiceError>) + Send>;

/// Takes the steps of an answer. Called from the model's own thread: it must not wait.
pub trait GenerateSink: Send {
    /// One more. False says that nobody listens any more, which ends the work.
    fn event(&mut self, event: GenerateEvent) -> bool;
}

/// Holds a request's place: dropped before the last event, it ends the work within one step.
#[must_use = "dropping it ends the request"]
pub struct Ticket(Option<Box<dyn FnOnce() + Send>>);

impl Ticket {
    /// `cancel` is called when the ticket is dropped; after the last event it must do nothing.
    pub fn new(cancel: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(cancel)))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(cancel) = self.0.take() {
            cancel();
        }
    }
}

/// What is known of a model without asking it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LanguageCard {
    /// Its architecture, as its file names it (`llama`, `qwen2`, `bert`).
    pub architecture: String,
    /// Tokens that one request may have, prompt and answer together.
    pub context_tokens: u32,
    /// Numbers in an embedding.
    pub embedding_size: u32,
    /// Tokens in the vocabulary.
    pub vocabulary_size: u32,
    /// Weights in bytes.
    pub size_bytes: u64,
    /// How many weights it has.
    pub parameters: u64,
    /// The quantisation, as llama.cpp names it (`Q4_K_M`).
    pub quantization: String,
    /// Whether it writes text.
    pub generates: bool,
    /// Whether it gives embeddings.
    pub embeds: bool,
    /// Whether it ranks documents.
    pub ranks: bool,
    /// The template of its chats, in Jinja's notation.
    pub chat_template: Option<String>,
    /// The texts of its control tokens by role: `bos`, `eos`, `eot`, `pad`, `unk`.
    pub special_tokens: BTreeMap<String, String>,
    /// The texts of all control tokens, which a caller's text must never turn into.
    pub control_texts: Vec<String>,
}

/// How busy a model is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LanguageLoad {
    /// Sequences that get tokens.
    pub running: u32,
    /// Requests that wait.
    pub waiting: u32,
    /// Tokens that the context has room for.
    pub cells: u32,
    /// Those of them that are taken.
    pub cells_used: u32,
    /// Turns of the engine in which it did something: a model with work whose turns stand still hangs.
    pub steps: u64,
}

/// Texts to be turned into vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedRequest {
    /// The texts.
    pub inputs: Vec<Prompt>,
    /// Whether each vector is scaled to length 1.
    pub normalize: bool,
}

/// Vectors, one for each text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// The vectors, all of one length; a model that ranks gives one number for each text.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts.
    pub prompt_tokens: u32,
}

/// Documents to be ranked for a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankRequest {
    /// The question.
    pub query: String,
    /// The documents.
    pub documents: Vec<String>,
}

impl RankRequest {
    /// Each document as one text with the question, the vocabulary's own tokens of `card` between the two.
    fn as_texts(&self, card: &LanguageCard) -> EmbedRequest {
        let names = ["eos", "sep"].iter().filter_map(|role| card.special_tokens.get(*role));
        let between: String = names.map(String::as_str).collect();
        let part = |text: &str, is_markup| TextPart { text: text.to_owned(), is_markup };
        let pair = |document: &String| Prompt::Text {
            parts: vec![part(&self.query, false), part(&between, true), part(document, false)],
            with_special: true,
        };
        EmbedRequest { inputs: self.documents.iter().map(pair).collect(), normalize: true }
    }
}

/// A language model that is loaded. Calls return at once; answers come by [`Reply`] or [`GenerateSink`].
pub trait LanguageModel: Send + Sync {
    /// What is known of it.
    fn card(&self) -> &LanguageCard;

    /// Continues a text.
    fn generate(&self, request: GenerateRequest, sink: Box<dyn GenerateSink>) -> Ticket;

    /// The tokens of a text; `with_special` puts the vocabulary's own first and last around it where the model wants them.
    fn tokenize(&self, parts: Vec<TextPart>, with_special: bool, reply: Reply<Vec<TokenId>>);

    /// The bytes of tokens, each of its own; control tokens give their names where `with_special` says so, else nothing.
    fn detokenize(&self, tokens: Vec<TokenId>, with_special: bool, reply: Reply<Vec<Vec<u8>>>);

    /// The vectors of texts.
    fn embed(&self, request: EmbedRequest, reply: Reply<Embeddings>);

    /// How well each document answers a question: one number for each, the larger the better. For a model whose card says
    /// that it ranks.
    fn rank(&self, request: RankRequest, reply: Reply<Embeddings>) {
        self.embed(request.as_texts(self.card()), reply);
    }

    /// The adapters that are loaded, by name.
    fn adapters(&self) -> Vec<String>;

    /// Loads a LoRA adapter from a file of the server's.
    fn load_adapter(&self, name: String, file: std::path::PathBuf, reply: Reply<()>);

    /// Unloads an adapter once nobody uses it.
    fn unload_adapter(&self, name: String, reply: Reply<()>);

    /// How busy it is.
    fn load(&self) -> LanguageLoad;

    /// What it has counted since it was loaded.
    fn metrics(&self) -> LanguageMetrics {
        LanguageMetrics::default()
    }
}
