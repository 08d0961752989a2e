//! The interface for whoever runs the server: which versions of a model get which part of its requests.

mod document;
mod fields;
mod route;

use bytes::Bytes;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};

use self::fields::Fields;
use self::route::Route;
use crate::backend::Backend;
use crate::listener::RequestBody;
use crate::rest::{Failure, body, reply};

const JSON: &str = "application/json";

/// Answers requests of operators.
#[derive(Clone)]
pub(crate) struct AdminService {
    backend: Backend,
}

impl AdminService {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { backend }
    }

    /// Whether `path` is of this interface.
    pub(crate) fn is_of(path: &str) -> bool {
        path.starts_with("/admin/")
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let version = request.version();
        match self.answered(request).await {
            Ok(document) => reply(StatusCode::OK, JSON, Bytes::from(document.to_string())),
            Err(failure) => failure.into_response(version),
        }
    }

    async fn answered(&self, request: Request<RequestBody>) -> Result<Value, Failure> {
        check_origin(request.method(), request.headers())?;
        let manager = &self.backend.manager;
        match (Route::parse(request.uri().path())?, request.method()) {
            (Route::Traffic(name), &Method::GET) => self.traffic(&name),
            (Route::Traffic(name), &Method::PUT) => {
                // One that is not there is said first: what is wrong with its traffic is of no use.
                manager.traffic_report(&name)?;
                let traffic = document::read(self.fields(request).await?)?;
                manager.set_traffic(&name, Some(traffic)).await?;
                self.traffic(&name)
            }
            (Route::Traffic(name), &Method::DELETE) => {
                manager.set_traffic(&name, None).await?;
                self.traffic(&name)
            }
            (Route::Promote(name), &Method::POST) => {
                let mut fields = self.fields(request).await?;
                let version = fields.version("version")?;
                fields.finish()?;
                let version = match version {
                    Some(version) => manager.promote(&name, version).await.map(|()| version)?,
                    None => manager.promote_canary(&name).await?,
                };
                let mut document = self.traffic(&name)?;
                document["promoted"] = json!(version);
                Ok(document)
            }
            _ => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")),
        }
    }

    fn traffic(&self, name: &str) -> Result<Value, Failure> {
        Ok(document::write(name, &self.backend.manager.traffic_report(name)?))
    }

    /// The body, a JSON object; an empty one says nothing.
    async fn fields(&self, request: Request<RequestBody>) -> Result<Fields, Failure> {
        let body = body::receive(request, &self.backend.limits).await?;
        Ok(Fields::parse(&body)?)
    }
}

/// A page in a browser can send a POST to any server that the browser reaches, and the browser says from where it comes:
/// pages of others change nothing here.
fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), ServiceError> {
    let Some(origin) = headers.get(ORIGIN).filter(|_| *method != Method::GET) else { return Ok(()) };
    let place = origin.to_str().ok().and_then(|origin| Some(origin.split_once("://")?.1));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if place.is_some() && place == host {
        return Ok(());
    }
    Err(ServiceError::new(ErrorCode::PermissionDenied, "pages of other origins may not change anything here"))
}

/// Reads what is put for a model, for fuzzing.
pub(crate) fn read_traffic(body: &[u8]) {
    let _ = Fields::parse(body).and_then(document::read);
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn pages_of_other_origins_change_nothing() {
        for (method, origin, is_allowed) in [
            (Method::POST, None, true),
            (Method::GET, Some("http://evil.example"), true),
            (Method::POST, Some("http://localhost:8080"), true),
            (Method::POST, Some("http://evil.example"), false),
            (Method::PUT, Some("http://localhost:9090"), false),
            (Method::DELETE, Some("null"), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static("localhost:8080"));
            if let Some(origin) = origin {
                headers.insert(ORIGIN, HeaderValue::from_static(origin));
            }
            assert_eq!(check_origin(&method, &headers).is_ok(), is_allowed, "{method} {origin:?}");
        }
    }
}
