//! Replies that say why there is no answer.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode, Version};
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};

use super::reply;
use crate::json::write_string;
use crate::status::{is_our_fault, retry_after, wire_status};

/// A status and a text.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    /// Whether the connection is of no more use, because part of the request was left unread.
    closes_connection: bool,
    retry_after: Option<Duration>,
}

impl Failure {
    /// A status and why.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code_of(status),
            message: message.into(),
            closes_connection: false,
            retry_after: None,
        }
    }

    /// The body was not read, or not to its end.
    pub(crate) fn unread(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code_of(status),
            message: message.into(),
            closes_connection: true,
            retry_after: None,
        }
    }

    /// The same, where the body has been left unread.
    pub(crate) fn without_body(mut self) -> Self {
        self.closes_connection = true;
        self
    }

    /// Why, as metrics and logs say it.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the client is told.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// When the client may ask again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The status that it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) fn into_response(self, version: Version) -> Response<Body> {
        let body = error_body(&self.message);
        self.into_response_with(body, version)
    }

    /// The same with another body.
    pub(crate) fn into_response_with(self, body: Bytes, version: Version) -> Response<Body> {
        let mut response = reply(self.status, "application/json", body);
        let headers = response.headers_mut();
        if self.closes_connection && version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response
    }

    #[cfg(test)]
    pub(crate) fn parts(&self) -> (u16, &str) {
        (self.status.as_u16(), &self.message)
    }
}

/// The code of what is wrong with the HTTP of a request and not with its content.
fn code_of(status: StatusCode) -> ErrorCode {
    match status {
        StatusCode::NOT_FOUND => ErrorCode::NotFound,
        StatusCode::PAYLOAD_TOO_LARGE => ErrorCode::TooLarge,
        StatusCode::REQUEST_TIMEOUT => ErrorCode::DeadlineExceeded,
        status if status.is_server_error() => ErrorCode::Internal,
        _ => ErrorCode::InvalidArgument,
    }
}

/// What is our fault is logged here with its detail.
impl From<ServiceError> for Failure {
    fn from(error: ServiceError) -> Self {
        if is_our_fault(error.code()) {
            tracing::error!(code = ?error.code(), message = error.message(), detail = error.detail(), "request failed");
        }
        let status = wire_status(error.code()).http;
        let (code, retry_after) = (error.code(), retry_after(&error));
        Self { status, code, message: error.message().to_owned(), closes_connection: false, retry_after }
    }
}

/// HTTP knows no parts of seconds, and none means at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}

/// `{ "error": "..." }`
fn error_body(message: &str) -> Bytes {
    let mut body = b"{ \"error\": ".to_vec();
    write_string(&mut body, message.as_bytes());
    body.extend_from_slice(b" }");
    body.into()
}

#[cfg(test)]
mod tests {
    use wharf_infer::ErrorCode;

    use super::*;

    #[test]
    fn waits_are_whole_seconds_and_at_least_one() {
        for (millis, expected) in [(0, "1"), (20, "1"), (1000, "1"), (1001, "2"), (59_999, "60")] {
            let error = ServiceError::new(ErrorCode::Overloaded, "full");
            let error = error.with_retry_after(Duration::from_millis(millis));
            let response = Failure::from(error).into_response(Version::HTTP_11);
            assert_eq!(response.headers()[RETRY_AFTER], expected, "{millis} ms");
        }
    }
}
