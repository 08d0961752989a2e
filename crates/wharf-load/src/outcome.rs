//! How a request ended.

use std::fmt;

use http::StatusCode;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It was answered.
    Answered,
    /// The server said that it has too much to do, or is about to stop.
    Refused,
    /// The deadline passed, at the server or here.
    TimedOut,
    /// Anything else.
    Failed,
}

impl Outcome {
    /// Every outcome, best first.
    pub const ALL: [Self; 4] = [Self::Answered, Self::Refused, Self::TimedOut, Self::Failed];

    /// What an HTTP status means.
    pub(crate) fn of_http(status: StatusCode) -> Self {
        match status.as_u16() {
            200..=299 => Self::Answered,
            429 | 503 => Self::Refused,
            408 | 504 => Self::TimedOut,
            _ => Self::Failed,
        }
    }

    /// What a gRPC status means.
    pub(crate) fn of_grpc(code: u32) -> Self {
        match code {
            0 => Self::Answered,
            // RESOURCE_EXHAUSTED and UNAVAILABLE
            8 | 14 => Self::Refused,
            // DEADLINE_EXCEEDED
            4 => Self::TimedOut,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::TimedOut => "timed out",
            Self::Failed => "failed",
        })
    }
}

/// A reply, or what came instead of one.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    /// What was said, unless it was an answer.
    pub(crate) text: Option<String>,
    /// Bytes of the body.
    pub(crate) size_bytes: usize,
}

impl Reply {
    /// No reply at all.
    pub(crate) fn broken(error: impl fmt::Display) -> Self {
        Self { outcome: Outcome::Failed, text: Some(error.to_string()), size_bytes: 0 }
    }
}
