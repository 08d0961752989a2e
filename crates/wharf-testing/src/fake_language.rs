//! A language model that says what the test has it say. Its tokens are bytes.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_infer::language::{
    Answered, EmbedRequest, Embeddings, Finish, GenerateEvent, GenerateRequest, GenerateSink, GeneratedToken,
    LanguageCard, LanguageEntry, LanguageLease, LanguageLoad, LanguageModel, LanguageModels, Prompt, Reply,
    TextPart, Ticket, TokenChance, TokenId, Usage,
};
use wharf_infer::{ErrorCode, ServiceError};

/// The model.
pub struct FakeLanguage {
    card: LanguageCard,
    script: Mutex<Vec<String>>,
    finish: Mutex<Finish>,
    requests: Mutex<VecDeque<GenerateRequest>>,
    announce: Option<Mutex<Sender<FakeGeneration>>>,
    stepped: Option<Mutex<Receiver<FakeGeneration>>>,
    cancelled: Arc<AtomicUsize>,
}

/// An answer that the test gives event by event.
pub struct FakeGeneration {
    /// What was asked.
    pub request: GenerateRequest,
    sink: Box<dyn GenerateSink>,
    is_cancelled: Arc<AtomicBool>,
}

impl FakeGeneration {
    /// One more event; false where nobody listens any more.
    pub fn event(&mut self, event: GenerateEvent) -> bool {
        self.sink.event(event)
    }

    /// More text of choice 0, of one token.
    pub fn text(&mut self, text: &str) -> bool {
        self.event(said(0, text, self.request.logprobs))
    }

    /// Whether its ticket was dropped.
    pub fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
    }
}

impl FakeLanguage {
    /// Answers every request with these pieces, one token each, as far as it may.
    pub fn answering(pieces: &[&str]) -> Arc<Self> {
        Arc::new(Self::new(pieces, None))
    }

    /// The same with another card.
    pub fn with_card(card: LanguageCard, pieces: &[&str]) -> Arc<Self> {
        Arc::new(Self { card, ..Self::new(pieces, None) })
    }

    /// Answers nothing by itself: the test does, by what [`FakeLanguage::next`] gives.
    pub fn stepped() -> Arc<Self> {
        Arc::new(Self::new(&[], Some(mpsc::channel())))
    }

    fn new(pieces: &[&str], channel: Option<(Sender<FakeGeneration>, Receiver<FakeGeneration>)>) -> Self {
        let (announce, stepped) = channel.map(|(one, other)| (Mutex::new(one), Mutex::new(other))).unzip();
        Self {
            card: LanguageCard {
                architecture: "fake".into(),
                context_tokens: 4096,
                embedding_size: 4,
                vocabulary_size: 256,
                generates: true,
                embeds: true,
                ranks: true,
                special_tokens: [("bos", "<s>"), ("eos", "</s>")].map(|(a, b)| (a.into(), b.into())).into(),
                control_texts: ["<s>", "</s>", "<|im_start|>", "<|im_end|>"].map(str::to_owned).into(),
                ..LanguageCard::default()
            },
            script: Mutex::new(pieces.iter().map(ToString::to_string).collect()),
            finish: Mutex::new(Finish::End),
            requests: Mutex::default(),
            announce,
            stepped,
            cancelled: Arc::default(),
        }
    }

    /// From now on it answers this.
    pub fn answer(&self, pieces: &[&str], finish: Finish) {
        *lock(&self.script) = pieces.iter().map(ToString::to_string).collect();
        *lock(&self.finish) = finish;
    }

    /// The oldest request that was not asked for yet.
    pub fn request(&self) -> Option<GenerateRequest> {
        lock(&self.requests).pop_front()
    }

    /// The next answer that waits for the test; waits for it.
    ///
    /// # Panics
    /// The model answers by itself.
    #[expect(clippy::expect_used, reason = "the test is wrong")]
    pub fn next(&self) -> FakeGeneration {
        let stepped = self.stepped.as_ref().expect("a stepped model");
        lock(stepped).recv().expect("the model lives")
    }

    /// Tickets that were dropped.
    pub fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::SeqCst)
    }

    fn play(&self, request: &GenerateRequest, sink: &mut dyn GenerateSink) {
        let tokens = tokens_of(&request.prompt);
        let length = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        if length >= self.card.context_tokens {
            let text = format!("the prompt has {length} tokens");
            sink.event(GenerateEvent::Failed(ServiceError::new(ErrorCode::OutOfRange, text)));
            return;
        }
        sink.event(GenerateEvent::Accepted { prompt_tokens: length });
        if let Some(top) = request.prompt_logprobs {
            let token = |(index, token): (usize, &TokenId)| {
                let mut chance = token_of(&[u8::try_from(*token).unwrap_or(b'?')], Some(top));
                if index == 0 {
                    chance.chosen.logprob = f32::NAN;
                    chance.top.clear();
                }
                chance
            };
            sink.event(GenerateEvent::Prompt(tokens.iter().enumerate().map(token).collect()));
        }
        let script = lock(&self.script).clone();
        let most = request.max_tokens.map_or(script.len(), |most| script.len().min(most as usize));
        let mut count = 0;
        for choice in 0..request.choices {
            for piece in script.iter().take(most) {
                count += 1;
                if !sink.event(said(choice, piece, request.logprobs)) {
                    return;
                }
            }
            let finish = if most < script.len() { Finish::Length } else { lock(&self.finish).clone() };
            sink.event(GenerateEvent::Finished { choice, finish });
        }
        sink.event(GenerateEvent::Done(Usage {
            prompt_tokens: length,
            cached_tokens: length / 2,
            completion_tokens: count,
            accepted_guesses: 1,
            rejected_guesses: 2,
        }));
    }
}

fn said(choice: u32, text: &str, logprobs: Option<u8>) -> GenerateEvent {
    let tokens = vec![token_of(text.as_bytes(), logprobs)];
    GenerateEvent::Text { choice, text: text.to_owned(), tokens }
}

fn token_of(bytes: &[u8], logprobs: Option<u8>) -> GeneratedToken {
    let token = bytes.first().copied().map_or(0, TokenId::from);
    let logprob = if logprobs.is_some() { -0.5 } else { f32::NAN };
    let chosen = TokenChance { token, bytes: bytes.to_vec(), logprob };
    let others = (0..logprobs.unwrap_or(0)).map(|place| match place {
        0 => chosen.clone(),
        _ => TokenChance {
            token: 300 + TokenId::from(place),
            bytes: vec![b'a' + place],
            logprob: -1.0 - f32::from(place),
        },
    });
    GeneratedToken { top: others.collect(), chosen }
}

/// The bytes of a prompt.
fn tokens_of(prompt: &Prompt) -> Vec<TokenId> {
    match prompt {
        Prompt::Tokens(tokens) => tokens.clone(),
        Prompt::Text { parts, .. } => {
            parts.iter().flat_map(|part| part.text.bytes()).map(TokenId::from).collect()
        }
    }
}

impl LanguageModel for FakeLanguage {
    fn card(&self) -> &LanguageCard {
        &self.card
    }

    fn generate(&self, request: GenerateRequest, mut sink: Box<dyn GenerateSink>) -> Ticket {
        let is_cancelled = Arc::new(AtomicBool::new(false));
        lock(&self.requests).push_back(request.clone());
        match &self.announce {
            None => self.play(&request, &mut *sink),
            Some(announce) => {
                let generation = FakeGeneration { request, sink, is_cancelled: Arc::clone(&is_cancelled) };
                let _ = lock(announce).send(generation);
            }
        }
        let cancelled = Arc::clone(&self.cancelled);
        Ticket::new(move || {
            is_cancelled.store(true, Ordering::SeqCst);
            cancelled.fetch_add(1, Ordering::SeqCst);
        })
    }

    fn tokenize(&self, parts: Vec<TextPart>, with_special: bool, reply: Reply<Vec<TokenId>>) {
        let mut tokens = tokens_of(&Prompt::Text { parts, with_special });
        if with_special {
            tokens.insert(0, 1);
        }
        reply(Ok(tokens));
    }

    fn detokenize(&self, tokens: Vec<TokenId>, _: bool, reply: Reply<Vec<Vec<u8>>>) {
        let bytes = tokens.iter().map(|token| u8::try_from(*token).map(|byte| vec![byte]));
        let bytes: Result<Vec<_>, _> = bytes.collect();
        reply(bytes.map_err(|_| ServiceError::invalid_argument("a token is not in the vocabulary")));
    }

    fn embed(&self, request: EmbedRequest, reply: Reply<Embeddings>) {
        let texts: Vec<Vec<TokenId>> = request.inputs.iter().map(tokens_of).collect();
        let vector = |text: &Vec<TokenId>| vec![0.6, 0.8, 0.0, text.len() as f32];
        let prompt_tokens = texts.iter().map(|text| u32::try_from(text.len()).unwrap_or(u32::MAX)).sum();
        reply(Ok(Embeddings { vectors: texts.iter().map(vector).collect(), prompt_tokens }));
    }

    fn adapters(&self) -> Vec<String> {
        vec!["poet".to_owned()]
    }

    fn load_adapter(&self, _: String, _: PathBuf, reply: Reply<()>) {
        reply(Ok(()));
    }

    fn unload_adapter(&self, _: String, reply: Reply<()>) {
        reply(Ok(()));
    }

    fn load(&self) -> LanguageLoad {
        LanguageLoad::default()
    }
}

/// One model under a name, and the same with the adapter `poet`.
pub struct FakeLanguageModels {
    name: String,
    model: Arc<FakeLanguage>,
    failure: Mutex<Option<ServiceError>>,
}

impl std::fmt::Debug for FakeLanguageModels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FakeLanguageModels").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FakeLanguageModels {
    /// `model` under `name`.
    pub fn new(name: &str, model: &Arc<FakeLanguage>) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), model: Arc::clone(model), failure: Mutex::default() })
    }

    /// Has every load fail from now on, or succeed again.
    pub fn fail(&self, failure: Option<ServiceError>) {
        *lock(&self.failure) = failure;
    }

    fn lease(&self, name: &str) -> Result<LanguageLease, ServiceError> {
        if let Some(failure) = lock(&self.failure).clone() {
            return Err(failure);
        }
        let rest = name.strip_prefix(&self.name);
        let adapter = match rest {
            Some("") => None,
            Some(":poet") => Some("poet".to_owned()),
            _ => {
                return Err(ServiceError::new(ErrorCode::NotFound, format!("model `{name}` does not exist")));
            }
        };
        Ok(LanguageLease { model: Arc::clone(&self.model) as _, adapter, hold: Box::new(()) })
    }
}

impl LanguageModels for FakeLanguageModels {
    fn find<'a>(&'a self, name: &'a str) -> Answered<'a, LanguageLease> {
        Box::pin(async move { self.lease(name) })
    }

    fn list(&self) -> Vec<LanguageEntry> {
        let base = LanguageEntry {
            name: self.name.clone(),
            created: 1_700_000_000,
            parent: None,
            is_loaded: true,
            card: Some(self.model.card.clone()),
        };
        let poet = LanguageEntry {
            name: format!("{}:poet", self.name),
            parent: Some(self.name.clone()),
            ..base.clone()
        };
        vec![base, poet]
    }

    fn remove<'a>(&'a self, name: &'a str) -> Answered<'a, ()> {
        Box::pin(async move { self.lease(name).map(drop) })
    }

    fn unload<'a>(&'a self, name: &'a str) -> Answered<'a, ()> {
        Box::pin(async move { self.lease(name).map(drop) })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
