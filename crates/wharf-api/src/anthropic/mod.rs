//! Anthropic's interface to language models.

mod error;
mod request;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_infer::language::LanguageModels;

use self::writer::MessageWriter;
use crate::Limits;
use crate::language::{Ids, Refusal, stream_body, stream_reply};
use crate::listener::RequestBody;
use crate::rest::{Failure, body, reply};

/// Answers Anthropic's requests.
#[derive(Clone)]
pub(crate) struct AnthropicService {
    models: Arc<dyn LanguageModels>,
    limits: Arc<Limits>,
}

enum Answer {
    Whole(Value),
    Stream(Body),
}

impl AnthropicService {
    pub(crate) fn new(models: Arc<dyn LanguageModels>, limits: Arc<Limits>) -> Self {
        Self { models, limits }
    }

    /// Whether `path` is of this interface.
    pub(crate) fn is_of(path: &str) -> bool {
        matches!(path, "/v1/messages" | "/v1/messages/count_tokens")
    }

    /// Answers one request, whose name is `id`.
    pub(crate) async fn answer(&self, request: Request<RequestBody>, id: &HeaderValue) -> Response<Body> {
        let version = request.version();
        let mut response = match self.answered(request).await {
            Ok(Answer::Whole(document)) => {
                reply(StatusCode::OK, "application/json", Bytes::from(document.to_string()))
            }
            Ok(Answer::Stream(body)) => stream_reply(body, "text/event-stream"),
            Err(refusal) => error::response(refusal, version, id),
        };
        response.headers_mut().insert("request-id", id.clone());
        response
    }

    async fn answered(&self, request: Request<RequestBody>) -> Result<Answer, Refusal> {
        if request.method() != Method::POST {
            return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into());
        }
        let counts = request.uri().path().ends_with("/count_tokens");
        let body = body::receive(request, &self.limits).await?;
        let (plan, streams) = request::read(&body, counts)?;
        if counts {
            let count = plan.count_tokens(&*self.models).await?;
            return Ok(Answer::Whole(json!({"input_tokens": count})));
        }
        let model = plan.model.clone();
        let run = plan.start(&*self.models).await?;
        let writer = MessageWriter::new(Ids::with("msg_"), model, run.prompt_tokens());
        match streams {
            true => Ok(Answer::Stream(stream_body(run, writer))),
            false => writer.whole(run).await.map(Answer::Whole),
        }
    }
}

/// Reads a request and does nothing with it, for fuzzing.
pub(crate) fn read_request(body: &[u8]) {
    let _ = request::read(body, false);
}
