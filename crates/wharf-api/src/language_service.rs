//! The interfaces of language models: which of them a request is for, and the name that each request has.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tonic::body::Body;
use wharf_infer::language::LanguageModels;
use wharf_infer::{ErrorCode, ServiceError};

use crate::Limits;
use crate::anthropic::AnthropicService;
use crate::language::Ids;
use crate::listener::RequestBody;
use crate::metrics::HttpMetrics;
use crate::ollama::{ModelStore, OllamaService};
use crate::openai::batches::Batches;
use crate::openai::{OpenAiService, error, request_id};
use crate::rest::reply;

/// Answers for language models.
#[derive(Clone)]
pub(crate) struct LanguageService {
    openai: OpenAiService,
    anthropic: AnthropicService,
    ollama: OllamaService,
    metrics: Arc<HttpMetrics>,
}

impl LanguageService {
    pub(crate) fn new(
        models: Arc<dyn LanguageModels>,
        limits: Arc<Limits>,
        batches: Option<Batches>,
        metrics: Arc<HttpMetrics>,
    ) -> Self {
        let anthropic = AnthropicService::new(Arc::clone(&models), Arc::clone(&limits));
        let ollama = OllamaService::new(Arc::clone(&models), Arc::clone(&limits));
        Self { openai: OpenAiService::new(models, limits).with_batches(batches), anthropic, ollama, metrics }
    }

    /// With a store that clients of Ollama's interface may add models to.
    pub(crate) fn with_store(mut self, store: Option<Arc<dyn ModelStore>>) -> Self {
        self.ollama = self.ollama.with_store(store);
        self
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
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.answered(request, &name).await;
        self.metrics.count(&method, &path, response.status());
        named(response, name)
    }

    async fn answered(&self, request: Request<RequestBody>, name: &HeaderValue) -> Response<Body> {
        if request.method() == Method::POST && is_of_a_page_unasked(request.headers()) {
            let text = "pages of other origins are answered only where they send `application/json`";
            let error = ServiceError::new(ErrorCode::PermissionDenied, text);
            return error::response(error.into(), request.version());
        }
        match request.uri().path() {
            path if AnthropicService::is_of(path) => self.anthropic.answer(request, name).await,
            path if OllamaService::is_of(path) => self.ollama.answer(request).await,
            _ => self.openai.answer(request).await,
        }
    }
}

/// Whether a page of another origin sends what browsers let every page send without asking the server first. With
/// `application/json` they do ask, and send nothing where the origin is not allowed.
fn is_of_a_page_unasked(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let place = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    let is_json = text(CONTENT_TYPE).is_some_and(|kind| kind.trim_start().starts_with("application/json"));
    !is_json && (place.is_none() || place != text(HOST))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_origins_send_nothing_unasked() {
        for (origin, kind, is_unasked) in [
            (None, None, false),
            (Some("http://evil.example"), Some("text/plain"), true),
            (Some("http://evil.example"), None, true),
            (Some("null"), Some("multipart/form-data; boundary=x"), true),
            (Some("http://evil.example"), Some("application/json"), false),
            (Some("http://localhost:8080"), Some("text/plain"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:8080"));
            for (name, value) in [(ORIGIN, origin), (CONTENT_TYPE, kind)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            assert_eq!(is_of_a_page_unasked(&headers), is_unasked, "{origin:?} {kind:?}");
        }
    }
}
