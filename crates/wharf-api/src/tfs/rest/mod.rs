//! The REST interface.

mod body;
mod documents;
mod examples;
mod failure;
mod predict;
mod reply;
mod route;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use tonic::body::Body;
use wharf_infer::{Deadline, ErrorCode, ServiceError, VersionChoice};

use self::failure::Failure;
use self::route::{Route, Verb};
use super::backend::Backend;
use super::example::Examples;
use super::model_spec::Target;
use crate::listener::RequestBody;

/// From this many bytes on, reading and writing JSON leaves the threads that serve connections.
const LARGE_BODY: usize = 256 << 10;

/// Answers REST requests.
#[derive(Clone)]
pub(crate) struct RestService {
    backend: Backend,
    timeout: Duration,
}

impl RestService {
    pub(crate) fn new(backend: Backend, timeout: Duration) -> Self {
        Self { backend, timeout }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        let result = match Route::parse(request.method(), request.uri().path()) {
            None => return reply(StatusCode::NOT_FOUND, "text/plain", Bytes::from_static(b"Not Found")),
            Some(Err(error)) if request.method() != Method::OPTIONS => Err(error.into()),
            Some(_) if request.method() == Method::OPTIONS => return options(request.headers()),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(Route::Status(model))) => self.status(&model),
            Some(Ok(Route::Metadata(model))) => self.metadata(model),
            Some(Ok(Route::Call(model, verb))) => self.call(model, verb, request).await,
        };
        match result {
            Ok(json) => reply(StatusCode::OK, "application/json", json),
            Err(failure) => failure.into_response(version),
        }
    }

    /// The reply that says what `error` says.
    pub(crate) fn failure(error: &ServiceError) -> Response<Body> {
        Failure::from(error.clone()).into_response(Version::HTTP_2)
    }

    fn status(&self, model: &wharf_infer::ModelRef) -> Result<Bytes, Failure> {
        let version = match model.version {
            VersionChoice::Specific(version) => Some(version),
            _ => None,
        };
        let versions = self.backend.manager.status(&model.name, version)?;
        Ok(documents::status(&versions).into())
    }

    fn metadata(&self, model: wharf_infer::ModelRef) -> Result<Bytes, Failure> {
        let info = self.backend.resolve(&Target { model, signature: String::new() })?.info;
        Ok(documents::metadata(&info).into())
    }

    async fn call(
        &self,
        model: wharf_infer::ModelRef,
        verb: Verb,
        request: Request<RequestBody>,
    ) -> Result<Bytes, Failure> {
        let deadline = Deadline::after(self.timeout);
        let answer = async {
            let body = body::receive(request, &self.backend.limits).await?;
            match verb {
                Verb::Predict => self.predict(model, body, deadline).await,
                Verb::Classify => self.classify(model, body, deadline).await,
                Verb::Regress => self.regress(model, body, deadline).await,
            }
        };
        match deadline.instant() {
            None => answer.await,
            Some(moment) => tokio::time::timeout_at(moment.into(), answer).await.unwrap_or_else(|_| {
                let text = "the request took longer than the server allows";
                Err(ServiceError::new(ErrorCode::DeadlineExceeded, text).into())
            }),
        }
    }

    async fn predict(
        &self,
        model: wharf_infer::ModelRef,
        body: Bytes,
        deadline: Deadline,
    ) -> Result<Bytes, Failure> {
        let is_large = body.len() > LARGE_BODY;
        let backend = self.backend.clone();
        let read = move || {
            let located = predict::locate(&body)?;
            let resolved = backend.resolve(&Target { model, signature: located.signature.clone() })?;
            let signature = resolved.find_signature().ok_or_else(|| {
                let name = super::signature::shown(&resolved.signature_name);
                let text = format!("Serving signature name: \"{name}\" not found in signature def");
                ServiceError::invalid_argument(text)
            })?;
            let (form, inputs) = predict::read_inputs(&body, &located, signature)?;
            Ok::<_, ServiceError>((resolved, form, inputs))
        };
        let (resolved, form, inputs) = on_cpu(is_large, read).await??;
        let outputs = self.backend.run(&resolved, inputs, Vec::new(), deadline).await?.outputs;
        let elements: usize = outputs.iter().map(|output| output.tensor.num_elements()).sum();
        let json = on_cpu(elements > LARGE_BODY / 8, move || reply::predict(form, &outputs)).await??;
        Ok(json.into())
    }

    async fn classify(
        &self,
        model: wharf_infer::ModelRef,
        body: Bytes,
        deadline: Deadline,
    ) -> Result<Bytes, Failure> {
        let (target, examples) = read_examples(model, body).await?;
        let (_, result) = self.backend.classify(&target, &examples, deadline).await?;
        Ok(reply::classifications(&result).into())
    }

    async fn regress(
        &self,
        model: wharf_infer::ModelRef,
        body: Bytes,
        deadline: Deadline,
    ) -> Result<Bytes, Failure> {
        let (target, examples) = read_examples(model, body).await?;
        let (_, result) = self.backend.regress(&target, &examples, deadline).await?;
        Ok(reply::regressions(&result).into())
    }
}

async fn read_examples(
    model: wharf_infer::ModelRef,
    body: Bytes,
) -> Result<(Target, Examples), ServiceError> {
    let read = on_cpu(body.len() > LARGE_BODY, move || examples::read(&body)).await??;
    Ok((Target { model, signature: read.signature }, Examples::new(read.examples, read.context)?))
}

/// Runs `work` here where it is small, and on a thread for blocking work where it would hold up others.
async fn on_cpu<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    if !is_large {
        return Ok(work());
    }
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ServiceError::internal("the request could not be processed", error))
}

/// Browsers ask so before they send.
fn options(headers: &HeaderMap) -> Response<Body> {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let is_web = ["http://", "https://"].iter().any(|scheme| origin.starts_with(scheme));
    let status = if is_web { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    reply(status, "application/json", Bytes::new())
}

fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
