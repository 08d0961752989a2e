//! What the REST wires share: receiving bodies, replying, saying why not.

pub(crate) mod body;
mod failure;

pub(crate) use failure::Failure;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use tonic::body::Body;
use wharf_infer::ServiceError;

use crate::trace;

/// From this many bytes on, reading and writing JSON leaves the threads that serve connections.
pub(crate) const LARGE_BODY: usize = 256 << 10;

/// Runs `work` here where it is small, and on a thread for blocking work where it would hold up others.
pub(crate) async fn on_cpu<T: Send + 'static>(
    is_large: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ServiceError> {
    if !is_large {
        return Ok(work());
    }
    let incoming = trace::current();
    let done = tokio::task::spawn_blocking(move || trace::within_thread(incoming, work)).await;
    done.map_err(|error| ServiceError::internal("the request could not be processed", error))
}

/// A reply with a body.
pub(crate) fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
