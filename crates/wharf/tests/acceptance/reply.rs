//! What came back, and whether it may.

use std::collections::BTreeSet;

use crate::row::Row;

/// A reply on either kind of wire.
#[derive(Debug)]
pub(crate) enum Reply {
    Http {
        status: u16,
        text: String,
        count: usize,
    },
    Grpc {
        code: String,
        text: String,
    },
    /// How a connection of HTTP/2 ended, and the streams in it.
    Http2 {
        end: String,
        resets: BTreeSet<String>,
    },
    /// Nothing that could be read as a reply.
    Nothing(String),
}

/// The names of gRPC's status codes, by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// What a message to a client must not hold: places in this machine's files and memory, and traces of the stack.
const PRIVATE: [&str; 14] = [
    "/tmp/",
    "/root",
    "/home",
    "/usr/",
    "/proc/",
    "model.onnx",
    ".rs:",
    "src/",
    "0x7f",
    "panicked",
    "backtrace",
    "std::",
    "core::",
    "onnxruntime/",
];

impl Reply {
    /// What was read from an HTTP/1 connection.
    pub(crate) fn http(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        match status {
            Some(status) => Self::Http { status, count: text.matches("HTTP/1.1 ").count(), text },
            None => Self::Nothing(text),
        }
    }

    pub(crate) fn grpc(code: &str, text: String) -> Self {
        let name = code.parse::<usize>().ok().and_then(|code| CODES.get(code).copied());
        Self::Grpc { code: name.unwrap_or(code).to_owned(), text }
    }

    fn text(&self) -> &str {
        match self {
            Self::Http { text, .. } | Self::Grpc { text, .. } | Self::Nothing(text) => text,
            Self::Http2 { end, .. } => end,
        }
    }

    /// What is wrong with it as the reply to a row; `None` where nothing is.
    pub(crate) fn fault(&self, row: &Row) -> Option<String> {
        let seen = || self.text().chars().take(400).collect::<String>();
        let is_error = match self {
            Self::Http { status, count, .. } => {
                if !row.status.contains(status) {
                    return Some(format!("status {status}, expected {:?}: {}", row.status, seen()));
                }
                if *count != row.replies {
                    return Some(format!("{count} replies, expected {}: {}", row.replies, seen()));
                }
                if *status >= 500 && ![501, 503, 504].contains(status) {
                    return Some(format!("a status that blames the server, {status}: {}", seen()));
                }
                *status >= 400
            }
            Self::Grpc { code, .. } => {
                if !row.code.contains(code) {
                    return Some(format!("code {code}, expected {:?}: {}", row.code, seen()));
                }
                if ["UNKNOWN", "INTERNAL", "DATA_LOSS"].contains(&code.as_str()) {
                    return Some(format!("a code that blames the server, {code}: {}", seen()));
                }
                code != "OK"
            }
            Self::Http2 { end, resets } => {
                let expected = &row.ends;
                let is_reset =
                    !row.resets.is_empty() && !resets.iter().all(|reset| row.resets.contains(reset));
                return (is_reset || !expected.contains(end)).then(|| {
                    format!("{end} with resets {resets:?}, expected {expected:?} with {:?}", row.resets)
                });
            }
            Self::Nothing(text) if text.is_empty() && row.ends.iter().any(|end| end == "CLOSED") => {
                return None;
            }
            Self::Nothing(_) => return Some(format!("no reply: {}", seen())),
        };
        if !self.text().contains(&row.has) {
            return Some(format!("no `{}` in {}", row.has, seen()));
        }
        if row.lacks.as_ref().is_some_and(|lacks| self.text().contains(lacks.as_str())) {
            return Some(format!("`{}` in {}", row.lacks.as_deref().unwrap_or_default(), seen()));
        }
        let private = PRIVATE.into_iter().find(|private| is_error && self.text().contains(private))?;
        Some(format!("a private `{private}` in {}", seen()))
    }
}
