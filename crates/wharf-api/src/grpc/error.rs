//! Errors as gRPC statuses.

use tonic::{Code, Status};
use wharf_infer::ServiceError;

use super::retry;
use crate::status::{is_our_fault, retry_after, wire_status};

/// Longer texts are cut, as the reference server cuts them: they travel in a header.
const MAX_TEXT: usize = 1024;

/// The status of `error`. What is our fault is logged here with its detail.
pub(crate) fn to_status(error: &ServiceError) -> Status {
    if is_our_fault(error.code()) {
        tracing::error!(code = ?error.code(), message = error.message(), detail = error.detail(), "request failed");
    }
    let (code, text) = (wire_status(error.code()).grpc, truncated(error.message()));
    match retry_after(error) {
        Some(wait) => retry::status(code, text, wait),
        None => Status::new(code, text),
    }
}

fn truncated(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = (0..=MAX_TEXT).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}...TRUNCATED", text.get(..end).unwrap_or_default())
}

/// What tonic says of a body that it could not read, as it should be said: these are faults of the client, or
/// a limit of ours, and no faults inside the server. `None` leaves the status as it is.
pub(super) fn remapped(status: &Status) -> Option<Status> {
    let text = status.message();
    match status.code() {
        Code::OutOfRange if text.starts_with("Error, decoded message length too large") => {
            Some(Status::resource_exhausted(text))
        }
        Code::Internal
            if text.starts_with("Unexpected EOF")
                || text.starts_with("Missing request message")
                || text.starts_with("protocol error: received message")
                || text.starts_with("Error decompressing") =>
        {
            Some(Status::invalid_argument(text))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(truncated("short"), "short");
        let cut = truncated(&"é".repeat(1000));
        assert_eq!(cut, format!("{}...TRUNCATED", "é".repeat(512)));
        let cut = truncated(&format!("x{}", "é".repeat(1000)));
        assert_eq!(cut, format!("x{}...TRUNCATED", "é".repeat(511)));
    }
}
