//! Errors, as Anthropic's clients read them.

use bytes::Bytes;
use http::{HeaderValue, Response, Version};
use serde_json::{Value, json};
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};

use crate::language::Refusal;
use crate::rest::Failure;

/// The reply to a request without answer.
pub(super) fn response(refusal: Refusal, version: Version, id: &HeaderValue) -> Response<Body> {
    let mut body = document(&refusal.failure);
    body["request_id"] = json!(id.to_str().unwrap_or_default());
    refusal.failure.into_response_with(Bytes::from(body.to_string()), version)
}

/// An error in the middle of a stream.
pub(super) fn event(error: ServiceError) -> Value {
    document(&Failure::from(error))
}

fn document(failure: &Failure) -> Value {
    json!({"type": "error", "error": {"type": kind(failure), "message": failure.message()}})
}

fn kind(failure: &Failure) -> &'static str {
    match (failure.code(), failure.status().as_u16()) {
        (ErrorCode::Overloaded | ErrorCode::Unavailable, _) => "overloaded_error",
        (_, 401) => "authentication_error",
        (_, 403) => "permission_error",
        (_, 404) => "not_found_error",
        (_, 413) => "request_too_large",
        (_, 429) => "rate_limit_error",
        (_, 504) => "timeout_error",
        (_, 500..) => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_body() {
        for (code, kind) in [
            (ErrorCode::InvalidArgument, "invalid_request_error"),
            (ErrorCode::OutOfRange, "invalid_request_error"),
            (ErrorCode::NotFound, "not_found_error"),
            (ErrorCode::Unauthenticated, "authentication_error"),
            (ErrorCode::PermissionDenied, "permission_error"),
            (ErrorCode::TooLarge, "request_too_large"),
            (ErrorCode::QuotaExceeded, "rate_limit_error"),
            (ErrorCode::Overloaded, "overloaded_error"),
            (ErrorCode::DeadlineExceeded, "timeout_error"),
            (ErrorCode::Internal, "api_error"),
        ] {
            let expected = json!({"type": "error", "error": {"type": kind, "message": "why"}});
            assert_eq!(event(ServiceError::new(code, "why")), expected);
        }
    }
}
