//! Errors, as OpenAI's clients read them.

use bytes::Bytes;
use http::{HeaderValue, Response, Version};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};

use crate::language::Refusal;
use crate::rest::Failure;

/// The reply to a request without answer.
pub(crate) fn response(refusal: Refusal, version: Version) -> Response<Body> {
    let body = body(&refusal);
    let failure = refusal.failure;
    let wait = failure.retry_after();
    let mut response = failure.into_response_with(Bytes::from(body.to_string()), version);
    if response.status() == http::StatusCode::NOT_IMPLEMENTED {
        // The official clients take every 5xx for something that passes.
        response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
    }
    let millis = wait.map(|wait| wait.as_millis().clamp(1, u64::MAX.into()));
    if let Some(value) = millis.and_then(|millis| HeaderValue::from_str(&millis.to_string()).ok()) {
        response.headers_mut().insert("retry-after-ms", value);
    }
    response
}

/// The body of that reply.
pub(super) fn body(refusal: &Refusal) -> Value {
    document(&refusal.failure, refusal.param.as_deref(), refusal.code)
}

/// An error in the middle of a stream.
pub(super) fn event(error: ServiceError) -> Value {
    document(&Failure::from(error), None, None)
}

fn document(failure: &Failure, param: Option<&str>, code: Option<&str>) -> Value {
    let code = code.or_else(|| usual_code(failure.code()));
    json!({"error": {
        "message": failure.message(),
        "type": kind(failure),
        "param": param,
        "code": code,
    }})
}

fn kind(failure: &Failure) -> &'static str {
    match failure.status().as_u16() {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn usual_code(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::Unauthenticated => Some("invalid_api_key"),
        ErrorCode::QuotaExceeded => Some("rate_limit_exceeded"),
        ErrorCode::Overloaded => Some("overloaded"),
        ErrorCode::Unavailable => Some("unavailable"),
        ErrorCode::DeadlineExceeded => Some("timeout"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_code_has_its_body() {
        for (code, status, kind, name) in [
            (ErrorCode::InvalidArgument, 400, "invalid_request_error", None),
            (ErrorCode::NotFound, 404, "invalid_request_error", None),
            (ErrorCode::Unauthenticated, 401, "invalid_request_error", Some("invalid_api_key")),
            (ErrorCode::QuotaExceeded, 429, "requests", Some("rate_limit_exceeded")),
            (ErrorCode::Overloaded, 503, "server_error", Some("overloaded")),
            (ErrorCode::Unavailable, 503, "server_error", Some("unavailable")),
            (ErrorCode::DeadlineExceeded, 504, "server_error", Some("timeout")),
            (ErrorCode::Internal, 500, "server_error", None),
        ] {
            let failure = Failure::from(ServiceError::new(code, "why"));
            assert_eq!(failure.status().as_u16(), status);
            let expected = json!({"error": {"message": "why", "type": kind, "param": "x", "code": name}});
            assert_eq!(document(&failure, Some("x"), None), expected);
        }
    }

    #[test]
    fn whoever_is_to_come_again_hears_when() {
        let error =
            ServiceError::new(ErrorCode::Overloaded, "full").with_retry_after(Duration::from_millis(1500));
        let response = response(error.into(), Version::HTTP_11);
        assert_eq!(
            (&response.headers()["retry-after"], &response.headers()["retry-after-ms"]),
            (&HeaderValue::from_static("2"), &HeaderValue::from_static("1500"))
        );
    }
}
