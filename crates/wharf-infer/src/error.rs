//! What went wrong, in the canonical codes of gRPC plus the three kinds of "too much" that HTTP tells apart.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a request has no answer. Each wire maps it to its own status by one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is malformed or does not fit the model.
    InvalidArgument,
    /// The request is well formed, but the model cannot take it (TensorFlow Serving: unknown signature).
    FailedPrecondition,
    /// A value is past the valid range.
    OutOfRange,
    /// No such model, version or route.
    NotFound,
    /// The thing to be made is there already.
    AlreadyExists,
    /// Another operation got in between.
    Aborted,
    /// No key, or a wrong one.
    Unauthenticated,
    /// The key does not allow it.
    PermissionDenied,
    /// The body or message is larger than the limit.
    TooLarge,
    /// The caller's own quota is used up.
    QuotaExceeded,
    /// The server's queue or memory is full.
    Overloaded,
    /// The model is there but not ready, or the server is draining.
    Unavailable,
    /// The deadline passed.
    DeadlineExceeded,
    /// The caller went away.
    Cancelled,
    /// The wire defines it, this server does not do it.
    Unimplemented,
    /// A stored file is damaged.
    DataLoss,
    /// A fault of the server or the engine.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 17] = [
        Self::InvalidArgument,
        Self::FailedPrecondition,
        Self::OutOfRange,
        Self::NotFound,
        Self::AlreadyExists,
        Self::Aborted,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::TooLarge,
        Self::QuotaExceeded,
        Self::Overloaded,
        Self::Unavailable,
        Self::DeadlineExceeded,
        Self::Cancelled,
        Self::Unimplemented,
        Self::DataLoss,
        Self::Internal,
    ];

    /// Its name, as metrics and logs write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::Aborted => "ABORTED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::TooLarge => "TOO_LARGE",
            Self::QuotaExceeded => "QUOTA_EXCEEDED",
            Self::Overloaded => "OVERLOADED",
            Self::Unavailable => "UNAVAILABLE",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Cancelled => "CANCELLED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::DataLoss => "DATA_LOSS",
            Self::Internal => "INTERNAL",
        }
    }
}

/// A code, a message for the caller, and a detail for the log. Cheap to clone: one failure may answer a
/// whole batch.
#[derive(Clone, Debug)]
pub struct ServiceError {
    code: ErrorCode,
    message: Arc<str>,
    detail: Option<Arc<str>>,
    retry_after: Option<Duration>,
}

impl ServiceError {
    /// An error whose `message` the caller may see: no paths, pointers or private names in it.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into().into(), detail: None, retry_after: None }
    }

    /// [`ErrorCode::InvalidArgument`], the commonest.
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// A fault of ours: the caller learns that it happened, the log learns what.
    pub fn internal(message: impl Into<String>, detail: impl fmt::Display) -> Self {
        Self::new(ErrorCode::Internal, message).with_detail(detail)
    }

    /// Adds what only the log may say.
    #[must_use]
    pub fn with_detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string().into());
        self
    }

    /// Adds when the caller may ask again with better hope.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Why there is no answer.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What the caller is told.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the log is told beyond that.
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// When the caller may ask again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ServiceError {}

impl From<wharf_tensor::TensorError> for ServiceError {
    fn from(error: wharf_tensor::TensorError) -> Self {
        Self::invalid_argument(error.to_string())
    }
}
