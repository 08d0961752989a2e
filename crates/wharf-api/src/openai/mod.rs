//! OpenAI's interface to language models, as its own clients speak it.

pub(crate) mod batches;
mod chat;
mod completions;
pub(crate) mod embeddings;
pub(crate) mod error;
mod files;
mod head;
mod logprobs;
mod models;
mod multipart;
mod responses;
mod tokens;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::Value;
use tonic::body::Body;
use wharf_infer::language::LanguageModels;
use wharf_infer::{Deadline, ErrorCode, ServiceError};

use self::batches::Batches;
use crate::Limits;
use crate::language::{Fields, Refusal, stream_reply};
use crate::listener::RequestBody;
use crate::rest::{Failure, body, reply};

pub(crate) use chat::read_function;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// Answers OpenAI's requests.
#[derive(Clone)]
pub(crate) struct OpenAiService {
    models: Arc<dyn LanguageModels>,
    limits: Arc<Limits>,
    responses: Arc<responses::ResponseStore>,
    batches: Option<Batches>,
}

/// An answer that is there, or that is being made.
enum Answer {
    Whole(Value),
    /// A file.
    Content(Bytes),
    Stream(Body),
}

impl OpenAiService {
    pub(crate) fn new(models: Arc<dyn LanguageModels>, limits: Arc<Limits>) -> Self {
        Self { models, limits, responses: Arc::default(), batches: None }
    }

    /// With files and batches.
    pub(crate) fn with_batches(mut self, batches: Option<Batches>) -> Self {
        self.batches = batches;
        self
    }

    /// Whether `path` is of this interface and of no other.
    pub(crate) fn is_of(path: &str) -> bool {
        let is_one = matches!(
            path,
            "/v1/chat/completions"
                | "/v1/completions"
                | "/v1/embeddings"
                | "/v1/rerank"
                | "/rerank"
                | "/tokenize"
                | "/detokenize"
                | "/tokenizer_info"
        );
        is_one || responses::is_of(path) || batches::is_of(path)
    }

    /// Whether a request is for language models, on a path that other protocols have too.
    pub(crate) fn takes<B>(&self, request: &Request<B>) -> bool {
        let is_known = |name: &str| self.models.list().iter().any(|entry| entry.name == name);
        match *request.method() {
            Method::DELETE => models::name_in(request.uri().path()).is_some(),
            // Predictions come by this path too, and are not to wait for a list of models.
            Method::GET => models::name_in(request.uri().path()).is_some_and(|name| is_known(&name)),
            _ => false,
        }
    }

    /// The list of models, `others` being those that are no language models.
    pub(crate) fn list(&self, others: &[String]) -> Value {
        models::list(&*self.models, others)
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        match self.answered(request).await {
            Ok(Answer::Whole(document)) => reply(StatusCode::OK, JSON, Bytes::from(document.to_string())),
            Ok(Answer::Content(content)) => reply(StatusCode::OK, "application/octet-stream", content),
            Ok(Answer::Stream(body)) => stream_reply(body, EVENTS),
            Err(refusal) => error::response(refusal, version),
        }
    }

    async fn answered(&self, request: Request<RequestBody>) -> Result<Answer, Refusal> {
        let path = request.uri().path().to_owned();
        let deadline = deadline(request.headers());
        let models = &*self.models;
        match (request.method(), path.as_str()) {
            (&Method::POST, "/v1/chat/completions") => {
                chat::answer(models, &self.body(request).await?, deadline).await
            }
            (&Method::POST, "/v1/completions") => {
                completions::answer(models, &self.body(request).await?, deadline).await
            }
            (&Method::POST, "/v1/embeddings") => {
                embeddings::embed(models, self.fields(request).await?).await.map(Answer::Whole)
            }
            (&Method::POST, "/v1/rerank" | "/rerank") => {
                embeddings::rerank(models, self.fields(request).await?).await.map(Answer::Whole)
            }
            (&Method::POST, "/tokenize") => {
                tokens::tokenize(models, self.fields(request).await?).await.map(Answer::Whole)
            }
            (&Method::POST, "/detokenize") => {
                tokens::detokenize(models, self.fields(request).await?).await.map(Answer::Whole)
            }
            (&Method::GET, "/tokenizer_info") => {
                tokens::info(models, request.uri().query()).await.map(Answer::Whole)
            }
            (_, path) if batches::is_of(path) => self.batched(request).await,
            (_, path) if responses::is_of(path) => {
                let (method, store) = (request.method().clone(), &self.responses);
                let body = self.body(request).await?;
                responses::answer(models, store, (&method, path), &body, deadline).await
            }
            (method, path) => match models::name_in(path) {
                Some(name) if *method == Method::GET => models::one(models, &name).map(Answer::Whole),
                Some(name) if *method == Method::DELETE => {
                    models::delete(models, &name).await.map(Answer::Whole)
                }
                _ => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into()),
            },
        }
    }

    async fn batched(&self, request: Request<RequestBody>) -> Result<Answer, Refusal> {
        let Some(batches) = &self.batches else {
            let text = "this server has no folder for files and batches";
            return Err(ServiceError::new(ErrorCode::Unimplemented, text).into());
        };
        let uri = request.uri();
        let place = (request.method().clone(), uri.path().to_owned(), uri.query().map(str::to_owned));
        let kind = request.headers().get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_owned();
        let body = self.body(request).await?;
        Ok(match batches.answer(place, kind, body).await? {
            batches::Reply::Document(document) => Answer::Whole(document),
            batches::Reply::Content(content) => Answer::Content(content),
        })
    }

    async fn body(&self, request: Request<RequestBody>) -> Result<Bytes, Refusal> {
        Ok(body::receive(request, &self.limits).await?)
    }

    async fn fields(&self, request: Request<RequestBody>) -> Result<Fields, Refusal> {
        Fields::parse(&self.body(request).await?)
    }
}

/// How long the official clients wait for an answer that comes whole: work on it is of no use afterwards.
fn deadline(headers: &HeaderMap) -> Deadline {
    let seconds =
        headers.get("x-stainless-read-timeout").and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let timeout = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    timeout.filter(|timeout| !timeout.is_zero()).map_or(Deadline::NONE, Deadline::after)
}

/// A name of the client's own for its request, if it may be repeated in a header.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<http::HeaderValue> {
    let value = headers.get("x-request-id")?;
    let is_plain = |byte: &u8| byte.is_ascii_graphic();
    (!value.is_empty() && value.len() <= 128 && value.as_bytes().iter().all(is_plain)).then(|| value.clone())
}

/// A model that does not do what is asked.
fn unable(model: &str, what: &str) -> Refusal {
    let text = format!("model `{}` {what}", crate::shown::shown(model));
    Refusal::at(ServiceError::new(ErrorCode::InvalidArgument, text), "model")
}

pub(crate) use multipart::read_parts;

/// Reads requests and does nothing with them, for fuzzing.
pub(crate) fn read_requests(body: &[u8]) {
    let _ = (chat::read(body), completions::read(body), responses::read(body));
}
