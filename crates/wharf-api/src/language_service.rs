//! The interfaces of language models: which of them a request is for, and the name that each request has.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tonic::body::Body;
use wharf_infer::language::LanguageModels;

use crate::Limits;
use crate::anthropic::AnthropicService;
use crate::language::Ids;
use crate::listener::RequestBody;
use crate::ollama::OllamaService;
use crate::openai::{OpenAiService, request_id};
use crate::rest::reply;

/// Answers for language models.
#[derive(Clone)]
pub(crate) struct LanguageService {
    openai: OpenAiService,
    anthropic: AnthropicService,
    ollama: OllamaService,
}

impl LanguageService {
    pub(crate) fn new(models: Arc<dyn LanguageModels>, limits: Arc<Limits>) -> Self {
        let anthropic = AnthropicService::new(Arc::clone(&models), Arc::clone(&limits));
        let ollama = OllamaService::new(Arc::clone(&models), Arc::clone(&limits));
        Self { openai: OpenAiService::new(models, limits), anthropic, ollama }
    }

    /// Whether a request is for language models.
    pub(crate) fn takes<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        let is_alone =
            OpenAiService::is_of(path) || AnthropicService::is_of(path) || OllamaService::is_of(path);
        is_alone || self.openai.takes(request)
    }

    /// Whether a request asks for the list that all models share.
    pub(crate) fn lists<B>(request: &Request<B>) -> bool {
        request.method() == Method::GET && request.uri().path() == "/v1/models"
    }

    /// The list, in which `others` are those that are no language models.
    pub(crate) fn list<B>(&self, others: &[String], request: &Request<B>) -> Response<Body> {
        let list = self.openai.list(others).to_string();
        named(reply(StatusCode::OK, "application/json", Bytes::from(list)), name_of(request.headers()))
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let name = name_of(request.headers());
        let response = match request.uri().path() {
            path if AnthropicService::is_of(path) => self.anthropic.answer(request, &name).await,
            path if OllamaService::is_of(path) => self.ollama.answer(request).await,
            _ => self.openai.answer(request).await,
        };
        named(response, name)
    }
}

/// The client's own name for its request, or one of ours: clients show it with every error.
fn name_of(headers: &HeaderMap) -> HeaderValue {
    let ours = || HeaderValue::from_str(&Ids::with("req_")).ok();
    request_id(headers).or_else(ours).unwrap_or(HeaderValue::from_static("req_"))
}

fn named(mut response: Response<Body>, name: HeaderValue) -> Response<Body> {
    response.headers_mut().insert("x-request-id", name);
    response
}
