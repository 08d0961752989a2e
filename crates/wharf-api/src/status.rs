//! The one table from error codes to the status of a wire.

use std::time::Duration;

use http::StatusCode;
use tonic::Code;
use wharf_infer::{ErrorCode, ServiceError};

/// How an error code looks on the wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireStatus {
    /// The status of an HTTP reply.
    pub(crate) http: StatusCode,
    /// The status of a gRPC reply.
    pub(crate) grpc: Code,
    /// The name of the gRPC status, as messages inside messages carry it.
    pub(crate) name: &'static str,
}

/// Nginx's "client closed request", which the reference server uses too and no standard names.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The status for `code`.
pub(crate) fn wire_status(code: ErrorCode) -> WireStatus {
    let (http, grpc, name) = match code {
        ErrorCode::InvalidArgument => (StatusCode::BAD_REQUEST, Code::InvalidArgument, "INVALID_ARGUMENT"),
        ErrorCode::FailedPrecondition => {
            (StatusCode::BAD_REQUEST, Code::FailedPrecondition, "FAILED_PRECONDITION")
        }
        ErrorCode::OutOfRange => (StatusCode::BAD_REQUEST, Code::OutOfRange, "OUT_OF_RANGE"),
        ErrorCode::NotFound => (StatusCode::NOT_FOUND, Code::NotFound, "NOT_FOUND"),
        ErrorCode::AlreadyExists => (StatusCode::CONFLICT, Code::AlreadyExists, "ALREADY_EXISTS"),
        ErrorCode::Aborted => (StatusCode::CONFLICT, Code::Aborted, "ABORTED"),
        ErrorCode::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthenticated, "UNAUTHENTICATED"),
        ErrorCode::PermissionDenied => (StatusCode::FORBIDDEN, Code::PermissionDenied, "PERMISSION_DENIED"),
        ErrorCode::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted, "RESOURCE_EXHAUSTED"),
        ErrorCode::QuotaExceeded => {
            (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted, "RESOURCE_EXHAUSTED")
        }
        ErrorCode::Overloaded => {
            (StatusCode::SERVICE_UNAVAILABLE, Code::ResourceExhausted, "RESOURCE_EXHAUSTED")
        }
        ErrorCode::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, "UNAVAILABLE"),
        ErrorCode::DeadlineExceeded => {
            (StatusCode::GATEWAY_TIMEOUT, Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
        }
        ErrorCode::Cancelled => (client_closed_request(), Code::Cancelled, "CANCELLED"),
        ErrorCode::Unimplemented => (StatusCode::NOT_IMPLEMENTED, Code::Unimplemented, "UNIMPLEMENTED"),
        ErrorCode::DataLoss => (StatusCode::INTERNAL_SERVER_ERROR, Code::DataLoss, "DATA_LOSS"),
        ErrorCode::Internal => (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal, "INTERNAL"),
    };
    WireStatus { http, grpc, name }
}

/// When one who was refused may ask again, where the error does not say.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// When the caller may ask again, who was refused for the time being.
pub(crate) fn retry_after(error: &ServiceError) -> Option<Duration> {
    let passes =
        matches!(error.code(), ErrorCode::QuotaExceeded | ErrorCode::Overloaded | ErrorCode::Unavailable);
    passes.then(|| error.retry_after().unwrap_or(RETRY_AFTER))
}

/// Whether `code` says that the fault is ours, so that the log must say more than the reply.
pub(crate) fn is_our_fault(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Internal | ErrorCode::DataLoss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_http_and_grpc_status() {
        for (code, http, grpc, name) in [
            (ErrorCode::InvalidArgument, 400, 3, "INVALID_ARGUMENT"),
            (ErrorCode::FailedPrecondition, 400, 9, "FAILED_PRECONDITION"),
            (ErrorCode::OutOfRange, 400, 11, "OUT_OF_RANGE"),
            (ErrorCode::NotFound, 404, 5, "NOT_FOUND"),
            (ErrorCode::AlreadyExists, 409, 6, "ALREADY_EXISTS"),
            (ErrorCode::Aborted, 409, 10, "ABORTED"),
            (ErrorCode::Unauthenticated, 401, 16, "UNAUTHENTICATED"),
            (ErrorCode::PermissionDenied, 403, 7, "PERMISSION_DENIED"),
            (ErrorCode::TooLarge, 413, 8, "RESOURCE_EXHAUSTED"),
            (ErrorCode::QuotaExceeded, 429, 8, "RESOURCE_EXHAUSTED"),
            (ErrorCode::Overloaded, 503, 8, "RESOURCE_EXHAUSTED"),
            (ErrorCode::Unavailable, 503, 14, "UNAVAILABLE"),
            (ErrorCode::DeadlineExceeded, 504, 4, "DEADLINE_EXCEEDED"),
            (ErrorCode::Cancelled, 499, 1, "CANCELLED"),
            (ErrorCode::Unimplemented, 501, 12, "UNIMPLEMENTED"),
            (ErrorCode::DataLoss, 500, 15, "DATA_LOSS"),
            (ErrorCode::Internal, 500, 13, "INTERNAL"),
        ] {
            let status = wire_status(code);
            assert_eq!(
                (status.http.as_u16(), status.grpc as i32, status.name),
                (http, grpc, name),
                "{code:?}"
            );
        }
    }
}
