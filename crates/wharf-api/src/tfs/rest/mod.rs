//! The REST interface.

mod documents;
mod examples;
mod predict;
mod reply;
mod route;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::header::ORIGIN;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tonic::body::Body;
use wharf_infer::{Deadline, ErrorCode, ServiceError, VersionChoice};

use self::route::{Route, Verb};
use super::backend::TfsBackend;
use super::example::Examples;
use super::model_spec::Target;
use crate::listener::RequestBody;
use crate::metrics::{Api, Entry};
use crate::rest::{Failure, LARGE_BODY, body, on_cpu, reply as respond};

/// Answers REST requests.
#[derive(Clone)]
pub(crate) struct RestService {
    backend: TfsBackend,
    timeout: Duration,
    /// Whether the key `inputs` means rows as `instances` does, which is KServe's reading of it.
    inputs_are_rows: bool,
}

impl RestService {
    pub(crate) fn new(backend: TfsBackend, timeout: Duration) -> Self {
        Self { backend, timeout, inputs_are_rows: false }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        let result = match Route::parse(request.method(), request.uri().path()) {
            None => return respond(StatusCode::NOT_FOUND, "text/plain", Bytes::from_static(b"Not Found")),
            Some(Err(error)) if request.method() != Method::OPTIONS => Err(error.into()),
            Some(_) if request.method() == Method::OPTIONS => return options(request.headers()),
            Some(Err(error)) => Err(error.into()),
            Some(Ok(Route::Status(model))) => self.status(&model),
            Some(Ok(Route::Metadata(model))) => self.metadata(model).await,
            Some(Ok(Route::Call(model, verb))) => self.call(model, verb, request).await,
        };
        match result {
            Ok(json) => respond(StatusCode::OK, "application/json", json),
            Err(failure) => failure.into_response(version),
        }
    }

    fn status(&self, model: &wharf_infer::ModelRef) -> Result<Bytes, Failure> {
        let version = match model.version {
            VersionChoice::Specific(version) => Some(version),
            _ => None,
        };
        let versions = self.backend.common.manager.status(&model.name, version)?;
        Ok(documents::status(&versions).into())
    }

    async fn metadata(&self, model: wharf_infer::ModelRef) -> Result<Bytes, Failure> {
        let _hold = self.backend.common.wake(&model).await?;
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
        let api = match verb {
            Verb::Predict => Api::Predict,
            Verb::Classify => Api::Classify,
            Verb::Regress => Api::Regress,
        };
        let call = self.backend.common.call(api, Entry::Rest, &model.name, deadline);
        call.finish(self.answer_in_time(model, verb, request, deadline).await)
    }

    async fn answer_in_time(
        &self,
        model: wharf_infer::ModelRef,
        verb: Verb,
        request: Request<RequestBody>,
        deadline: Deadline,
    ) -> Result<Bytes, Failure> {
        let version = match model.version {
            VersionChoice::Specific(version) => u64::try_from(version).ok(),
            _ => None,
        };
        let room = self.backend.common.manager.check_room(&model.name, version, deadline);
        room.map_err(|error| body::unread(error, &request))?;
        let answer = async {
            let body = body::receive(request, &self.backend.common.limits).await?;
            let _hold = self.backend.common.wake(&model).await?;
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
        let inputs_are_rows = self.inputs_are_rows;
        let read = move || {
            let located = predict::locate(&body, inputs_are_rows)?;
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
        self.backend.count(&target, &examples);
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
        self.backend.count(&target, &examples);
        Ok(reply::regressions(&result).into())
    }
}

/// The answer to a predict call of KServe's: like TensorFlow Serving's, but that `inputs` means `instances`.
pub(crate) async fn predictions(
    backend: &TfsBackend,
    model: &str,
    request: Request<RequestBody>,
    timeout: Duration,
) -> Result<Bytes, Failure> {
    let service = RestService { backend: backend.clone(), timeout, inputs_are_rows: true };
    service.call(wharf_infer::ModelRef::latest(model), Verb::Predict, request).await
}

async fn read_examples(
    model: wharf_infer::ModelRef,
    body: Bytes,
) -> Result<(Target, Examples), ServiceError> {
    let read = on_cpu(body.len() > LARGE_BODY, move || examples::read(&body)).await??;
    Ok((Target { model, signature: read.signature }, Examples::new(read.examples, read.context)?))
}

/// Browsers ask so before they send.
fn options(headers: &HeaderMap) -> Response<Body> {
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let is_web = ["http://", "https://"].iter().any(|scheme| origin.starts_with(scheme));
    let status = if is_web { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    respond(status, "application/json", Bytes::new())
}

/// Reads a predict body of any kind, for fuzzing.
pub(crate) fn read_predict(body: &Bytes, inputs_are_rows: bool, signature: &wharf_bundle::Signature) {
    if let Ok(located) = predict::locate(body, inputs_are_rows) {
        let _ = predict::read_inputs(body, &located, signature);
    }
}

/// Reads a classify body of any kind, for fuzzing.
pub(crate) fn read_classify<'a>(body: &Bytes, signatures: impl Iterator<Item = &'a wharf_bundle::Signature>) {
    let read = examples::read(body).and_then(|read| Examples::new(read.examples, read.context));
    if let Ok(examples) = read {
        signatures.for_each(|signature| drop(examples.to_inputs(signature)));
    }
}
