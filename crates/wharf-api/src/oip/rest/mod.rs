//! The REST interface.

mod decode;
mod documents;
mod encode;
mod generate;
mod header;
mod route;

#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};
use serde_json::Value;
use tonic::body::Body;
use wharf_infer::{Deadline, ErrorCode, ServiceError};

pub(crate) use self::decode::json_length;
use self::route::{ModelRoute, NoRoute, Route, Target};
use super::infer::{Found, OipBackend};
use super::log_settings::{self, Settings};
use super::{statistics, trace_settings};
use crate::listener::RequestBody;
use crate::metrics::{Api, Entry};
use crate::rest::{Failure, LARGE_BODY, body, on_cpu, reply};

/// The type of a reply with raw tensors.
const BINARY: &str = "application/octet-stream";
const JSON: &str = "application/json";

/// Answers REST requests.
#[derive(Clone)]
pub(crate) struct OipRestService {
    backend: OipBackend,
    timeout: Duration,
}

impl OipRestService {
    pub(crate) fn new(backend: OipBackend, timeout: Duration) -> Self {
        Self { backend, timeout }
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        let answered = match Route::parse(request.method(), request.uri().path()) {
            Ok(route) => self.answer_route(route, request).await,
            Err(NoRoute::OtherMethod) => {
                Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed"))
            }
            Err(why) => Err(ServiceError::from(why).into()),
        };
        answered.unwrap_or_else(|failure| failure.into_response(version))
    }

    async fn answer_route(
        &self,
        route: Route,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, Failure> {
        let manager = &self.backend.backend.manager;
        let memory = &self.backend.memory;
        let document = match route {
            Route::ServerMetadata => documents::server(&self.backend.extensions()),
            Route::Live => documents::flag("live", true),
            Route::Ready => {
                return Ok(ready(documents::flag("ready", manager.is_ready()), manager.is_ready()));
            }
            Route::Models => documents::models(manager),
            Route::Model(target, ModelRoute::Infer) => return self.infer(target, request).await,
            Route::Model(target, ModelRoute::Generate { is_stream }) => {
                return self.generate(&target, request, is_stream).await;
            }
            Route::Model(target, ModelRoute::Ready) => {
                let is_ready = self.backend.is_ready(&target.name, &target.version)?;
                return Ok(ready(documents::model_ready(&target.name, is_ready), is_ready));
            }
            Route::Model(target, ModelRoute::Metadata) => {
                documents::model(manager, &self.found(&target).await?)
            }
            Route::Model(target, ModelRoute::Config) => documents::config(&self.found(&target).await?),
            Route::Model(target, ModelRoute::Statistics) => {
                statistics::to_json(&self.backend.statistics(&target.name, &target.version)?)
            }
            Route::Statistics => statistics::to_json(&self.backend.statistics("", "")?),
            Route::Logs => log_settings::to_json(self.backend.change_logs(&Settings::new())?),
            Route::ChangeLogs => {
                let changes = log_settings::from_json(&self.json(request).await?)?;
                log_settings::to_json(self.backend.change_logs(&changes)?)
            }
            Route::Traces(model) => {
                trace_settings::to_json(self.backend.change_traces(&model, &trace_settings::Settings::new())?)
            }
            Route::ChangeTraces(model) => {
                let changes = trace_settings::from_json(&self.json(request).await?)?;
                trace_settings::to_json(self.backend.change_traces(&model, &changes)?)
            }
            Route::Index => {
                let wanted = self.json(request).await?;
                let ready_only = match wanted.get("ready") {
                    None | Some(Value::Null) => false,
                    Some(Value::Bool(ready)) => *ready,
                    Some(_) => return Err(ServiceError::invalid_argument("'ready' is no boolean").into()),
                };
                documents::index(&manager.index().await?, ready_only)
            }
            Route::Load(name) => {
                refuse_parameters(&self.json(request).await?, &[])?;
                manager.load(&name).await?;
                documents::changed(&name, "load")
            }
            Route::Unload(name) => {
                let wanted = self.json(request).await?;
                refuse_parameters(&wanted, &["unload_dependents"])?;
                match wanted.pointer("/parameters/unload_dependents").and_then(Value::as_bool) {
                    Some(true) => manager.unload_with_members(&name).await?,
                    _ => manager.unload(&name).await?,
                }
                documents::changed(&name, "unload")
            }
            Route::MemoryStatus(name) => documents::regions(memory.status(&name)?),
            Route::MemoryRegister(name) => {
                let region = documents::Region::read(&self.json(request).await?)?;
                memory.register(&name, &region.key, region.offset, region.byte_size)?;
                Value::Object(serde_json::Map::new())
            }
            Route::MemoryUnregister(name) => {
                memory.unregister(&name);
                Value::Object(serde_json::Map::new())
            }
        };
        Ok(reply(StatusCode::OK, JSON, document.to_string().into()))
    }

    async fn found(&self, target: &Target) -> Result<Found, ServiceError> {
        self.backend.found(&target.name, &target.version).await
    }

    /// The body of a request that carries no tensors; an empty one says nothing.
    async fn json(&self, request: Request<RequestBody>) -> Result<Value, Failure> {
        let body = body::receive(request, &self.backend.backend.limits).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        let value: Value = serde_json::from_slice(&body).map_err(|error| {
            ServiceError::invalid_argument(format!("failed to parse the request JSON: {error}"))
        })?;
        if !value.is_object() {
            return Err(ServiceError::invalid_argument("the request JSON is no object").into());
        }
        Ok(value)
    }

    async fn infer(&self, target: Target, request: Request<RequestBody>) -> Result<Response<Body>, Failure> {
        let deadline = Deadline::after(self.timeout);
        let call = self.backend.backend.call(Api::Infer, Entry::Rest, &target.name, deadline);
        call.finish(self.infer_in_time(target, request, deadline).await)
    }

    async fn infer_in_time(
        &self,
        target: Target,
        request: Request<RequestBody>,
        deadline: Deadline,
    ) -> Result<Response<Body>, Failure> {
        let answer = self.infer_until(target, request, deadline);
        match deadline.instant() {
            None => answer.await,
            Some(moment) => tokio::time::timeout_at(moment.into(), answer).await.unwrap_or_else(|_| {
                let text = "the request took longer than the server allows";
                Err(ServiceError::new(ErrorCode::DeadlineExceeded, text).into())
            }),
        }
    }

    async fn infer_until(
        &self,
        target: Target,
        request: Request<RequestBody>,
        deadline: Deadline,
    ) -> Result<Response<Body>, Failure> {
        let json_length = decode::json_length(request.headers())?;
        let _hold = self.backend.wake(&target.name, &target.version).await?;
        let found = self.backend.find(&target.name, &target.version)?;
        self.backend
            .backend
            .check_room(&found.info, deadline)
            .map_err(|error| body::unread(error, &request))?;
        let body = body::receive(request, &self.backend.backend.limits).await?;
        let is_large = json_length.unwrap_or(body.len()) > LARGE_BODY;
        let backend = self.backend.clone();
        let read = move || {
            let decoded = decode::decode(&backend, found.signature()?, &body, json_length)?;
            Ok::<_, ServiceError>((found, decoded))
        };
        let (found, decoded) = on_cpu(is_large, read).await??;
        let answer = self.backend.infer(&found, decoded, deadline).await?;
        let in_json = answer.outputs.iter().filter(|output| output.is_binary != Some(true));
        let elements: usize = in_json.map(|output| output.tensor.num_elements()).sum();
        let encoded = on_cpu(elements > LARGE_BODY / 8, move || encode::encode(&answer)).await??;
        let Some(json_length) = encoded.json_length else {
            return Ok(reply(StatusCode::OK, JSON, encoded.body));
        };
        let mut response = reply(StatusCode::OK, BINARY, encoded.body);
        response.headers_mut().insert(decode::JSON_LENGTH, HeaderValue::from(json_length));
        Ok(response)
    }
}

/// Probes look at the status alone.
fn ready(document: Value, is_ready: bool) -> Response<Body> {
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply(status, JSON, Bytes::from(document.to_string()))
}

fn refuse_parameters(document: &Value, known: &[&str]) -> Result<(), ServiceError> {
    match document.get("parameters") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(parameters)) => super::grpc::refuse_parameters(parameters.keys(), known),
        Some(_) => Err(ServiceError::invalid_argument("'parameters' is no JSON object")),
    }
}

/// Reads the body of a call that carries no tensors as each of them does, for fuzzing.
pub(crate) fn read_settings(body: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    let _ = (log_settings::from_json(&value), trace_settings::from_json(&value));
    let _ = (documents::Region::read(&value), refuse_parameters(&value, &["unload_dependents"]));
}

/// Reads an infer body of any kind, for fuzzing.
pub(crate) fn read_infer(
    backend: &OipBackend,
    signature: &wharf_bundle::Signature,
    body: &Bytes,
    json_length: Option<usize>,
) {
    let _ = decode::decode(backend, signature, body, json_length);
}
