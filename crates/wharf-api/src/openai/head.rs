//! What every part of an answer repeats.

use crate::language::{Ids, unix_seconds};

/// The id, the time and the model, which are the same in a whole answer and in every part of a stream.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) model: String,
}

impl Head {
    /// Of an answer that begins now, with an id that begins with `prefix`.
    pub(super) fn new(prefix: &str, model: &str) -> Self {
        Self { id: Ids::with(prefix), created: unix_seconds(), model: model.to_owned() }
    }
}
