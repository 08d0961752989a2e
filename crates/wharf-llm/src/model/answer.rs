//! Answers that are given once, whatever happens.

use wharf_infer::language::Reply;
use wharf_infer::{ErrorCode, ServiceError};

/// A reply that says so itself when nobody is left to give it.
pub(super) struct SureReply<T>(Option<Reply<T>>);

impl<T> SureReply<T> {
    pub(super) fn new(reply: Reply<T>) -> Self {
        Self(Some(reply))
    }

    pub(super) fn give(mut self, answer: Result<T, ServiceError>) {
        if let Some(reply) = self.0.take() {
            reply(answer);
        }
    }
}

impl<T> Drop for SureReply<T> {
    fn drop(&mut self) {
        if let Some(reply) = self.0.take() {
            reply(Err(ServiceError::new(ErrorCode::Unavailable, "the model is being unloaded")));
        }
    }
}
