//! KServe's first protocol: predictions in the form of TensorFlow Serving, status in its own.

mod route;

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};

use self::route::Route;
use crate::listener::RequestBody;
use crate::rest::{Failure, reply};
use crate::tfs::TfsBackend;
use crate::tfs::rest::predictions;

const JSON: &str = "application/json";

/// Answers REST requests.
#[derive(Clone)]
pub(crate) struct KserveService {
    backend: TfsBackend,
    timeout: Duration,
}

impl KserveService {
    pub(crate) fn new(backend: TfsBackend, timeout: Duration) -> Self {
        Self { backend, timeout }
    }

    /// Whether `path` is of this protocol.
    pub(crate) fn is_of(path: &str) -> bool {
        path == "/v1/models" || path.starts_with("/v1/models/")
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        let answered = match (request.method(), Route::parse(request.uri().path())) {
            (_, Err(error)) => Err(error.into()),
            (&Method::GET, Ok(Some(Route::Models))) => Ok((StatusCode::OK, self.models())),
            (&Method::GET, Ok(Some(Route::Model(name)))) => self.model(&name).map_err(Failure::from),
            (&Method::POST, Ok(Some(Route::Predict(name)))) => {
                let body = predictions(&self.backend, &name, request, self.timeout).await;
                return body.map_or_else(
                    |failure| failure.into_response(version),
                    |body| reply(StatusCode::OK, JSON, body),
                );
            }
            (&Method::POST, Ok(Some(Route::Explain))) => {
                let text = "this server does not explain predictions yet";
                Err(ServiceError::new(ErrorCode::Unimplemented, text).into())
            }
            (_, Ok(Some(_))) => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")),
            (_, Ok(None)) => Err(ServiceError::new(ErrorCode::NotFound, "Not Found").into()),
        };
        match answered {
            Ok((status, document)) => reply(status, JSON, Bytes::from(document.to_string())),
            Err(failure) => failure.into_response(version),
        }
    }

    fn models(&self) -> Value {
        json!({"models": self.names()})
    }

    /// The models that answer.
    pub(crate) fn names(&self) -> Vec<String> {
        let manager = &self.backend.manager();
        let mut names = manager.models();
        names.retain(|name| manager.is_available(name));
        names
    }

    /// A model that is known and does not answer is not ready, which probes see by the status.
    fn model(&self, name: &str) -> Result<(StatusCode, Value), ServiceError> {
        let manager = self.backend.manager();
        let document = |is_ready| json!({"name": name, "ready": is_ready});
        if manager.is_available(name) {
            return Ok((StatusCode::OK, document(true)));
        }
        match manager.status(name, None) {
            Ok(_) => Ok((StatusCode::SERVICE_UNAVAILABLE, document(false))),
            Err(_) => {
                let name: String = name.chars().take(128).collect();
                let text = format!("Model with name {name} does not exist.");
                Err(ServiceError::new(ErrorCode::NotFound, text))
            }
        }
    }
}
