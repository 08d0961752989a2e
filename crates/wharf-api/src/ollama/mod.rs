//! Ollama's interface to language models. Answers are lines of JSON.

mod chat;
mod embed;
mod options;
mod pull;
mod show;
mod store;
mod writer;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_infer::language::LanguageModels;

pub use self::store::{ModelStore, PullReport, PullStep};
use self::writer::LineWriter;
use crate::Limits;
use crate::language::{Fields, Refusal, stream_body, stream_reply};
use crate::listener::RequestBody;
use crate::rest::{Failure, body, reply};

/// Answers Ollama's requests.
#[derive(Clone)]
pub(crate) struct OllamaService {
    models: Arc<dyn LanguageModels>,
    store: Option<Arc<dyn ModelStore>>,
    limits: Arc<Limits>,
}

enum Answer {
    Whole(Value),
    Text(&'static str),
    Empty,
    Stream(Body),
}

impl OllamaService {
    pub(crate) fn new(models: Arc<dyn LanguageModels>, limits: Arc<Limits>) -> Self {
        Self { models, store: None, limits }
    }

    /// With a store that clients may add models to.
    pub(crate) fn with_store(mut self, store: Option<Arc<dyn ModelStore>>) -> Self {
        self.store = store;
        self
    }

    /// Whether `path` is of this interface.
    pub(crate) fn is_of(path: &str) -> bool {
        path == "/" || path.starts_with("/api/")
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        match self.answered(request).await {
            Ok(Answer::Whole(document)) => {
                reply(StatusCode::OK, "application/json", Bytes::from(document.to_string()))
            }
            Ok(Answer::Text(text)) => reply(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from(text)),
            Ok(Answer::Empty) => reply(StatusCode::OK, "application/json", Bytes::new()),
            Ok(Answer::Stream(body)) => stream_reply(body, "application/x-ndjson"),
            // A text is what Ollama's clients read too.
            Err(refusal) => refusal.failure.into_response(version),
        }
    }

    async fn answered(&self, request: Request<RequestBody>) -> Result<Answer, Refusal> {
        let models = &*self.models;
        let path = request.uri().path().to_owned();
        let method = request.method().clone();
        match (&method, path.as_str()) {
            (&Method::GET | &Method::HEAD, "/") => Ok(Answer::Text("Ollama is running")),
            (&Method::GET, "/api/version") => {
                Ok(Answer::Whole(json!({"version": env!("CARGO_PKG_VERSION")})))
            }
            (&Method::GET, "/api/tags") => Ok(Answer::Whole(show::tags(models))),
            (&Method::GET, "/api/ps") => Ok(Answer::Whole(show::loaded(models))),
            (&Method::POST, "/api/show") => {
                show::show(models, self.fields(request).await?).map(Answer::Whole)
            }
            (&Method::POST, "/api/embed") => {
                embed::embed(models, self.fields(request).await?).await.map(Answer::Whole)
            }
            (&Method::POST, "/api/embeddings") => {
                embed::embed_one(models, self.fields(request).await?).await.map(Answer::Whole)
            }
            (&Method::POST, "/api/chat") => self.generate(self.fields(request).await?, true).await,
            (&Method::POST, "/api/generate") => self.generate(self.fields(request).await?, false).await,
            (&Method::DELETE, "/api/delete") => {
                let mut fields = self.fields(request).await?;
                let name = chat::model_name(models, &mut fields)?;
                fields.finish()?;
                models.remove(&name).await?;
                Ok(Answer::Empty)
            }
            (&Method::POST, "/api/pull") => {
                let store = pull::allowed(self.store.as_ref())?;
                let pull = pull::begin(store, self.fields(request).await?)?;
                match pull.streams {
                    true => pull.stream().await.map(Answer::Stream),
                    false => pull.whole().await.map(Answer::Whole),
                }
            }
            (&Method::POST, "/api/copy") => {
                let store = pull::allowed(self.store.as_ref())?;
                pull::copy(store, self.fields(request).await?).await.map(|()| Answer::Empty)
            }
            (_, "/api/push" | "/api/create") => {
                let text = "models are not built or sent elsewhere by this server: system prompts, templates and \
                            parameters come with each request, and models by `wharf pull` and `wharf import`";
                Err(Failure::new(StatusCode::NOT_IMPLEMENTED, text).into())
            }
            (
                _,
                "/" | "/api/version" | "/api/tags" | "/api/ps" | "/api/show" | "/api/embed"
                | "/api/embeddings" | "/api/chat" | "/api/generate" | "/api/delete" | "/api/pull"
                | "/api/copy",
            ) => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method not allowed").into()),
            _ => Err(Failure::new(StatusCode::NOT_FOUND, "404 page not found").into()),
        }
    }

    async fn generate(&self, mut fields: Fields, is_chat: bool) -> Result<Answer, Refusal> {
        let began = Instant::now();
        let models = &*self.models;
        let name = fields.text("model")?.unwrap_or_default();
        let asked = chat::read(fields, chat::known_name(models, &name), is_chat)?;
        let Some(plan) = asked.plan else {
            return self.preload(asked.model, asked.unloads, &name, is_chat).await;
        };
        let run = plan.start(models).await?;
        let writer = LineWriter::new(name, is_chat, began);
        match asked.streams {
            true => Ok(Answer::Stream(stream_body(run, writer))),
            false => writer.whole(run).await.map(Answer::Whole),
        }
    }

    /// Nothing to say: the model is loaded, or unloaded.
    async fn preload(
        &self,
        model: String,
        unloads: bool,
        name: &str,
        is_chat: bool,
    ) -> Result<Answer, Refusal> {
        let reason = match unloads {
            true => self.models.unload(&model).await.map(|()| "unload")?,
            false => crate::language::plan::find(&*self.models, &model, "model").await.map(|_| "load")?,
        };
        let mut document = json!({"model": name, "created_at": now(), "done": true, "done_reason": reason});
        match is_chat {
            true => document["message"] = json!({"role": "assistant", "content": ""}),
            false => document["response"] = json!(""),
        }
        Ok(Answer::Whole(document))
    }

    async fn fields(&self, request: Request<RequestBody>) -> Result<Fields, Refusal> {
        let body = body::receive(request, &self.limits).await?;
        Fields::parse(&body)
    }
}

/// The time, as these answers have it.
fn now() -> String {
    stamp(SystemTime::now())
}

fn stamp(time: SystemTime) -> String {
    wharf_chat::utc(time, "%Y-%m-%dT%H:%M:%SZ").unwrap_or_default()
}

/// Reads requests and does nothing with them, for fuzzing.
pub(crate) fn read_requests(body: &[u8]) {
    for is_chat in [true, false] {
        let _ = Fields::parse(body).and_then(|fields| chat::read(fields, "m".to_owned(), is_chat));
    }
}
