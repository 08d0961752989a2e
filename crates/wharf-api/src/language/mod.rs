//! What the wires of language models share: reading requests field by field, starting them, following the answer.

pub(crate) mod chat_run;
pub(crate) mod constraint;
pub(crate) mod fields;
mod generation;
mod ids;
pub(crate) mod plan;
mod refusal;
pub(crate) mod sampling;
mod stream;

pub(crate) use chat_run::{ChatEvent, ChatRun, Ended};
pub(crate) use fields::Fields;
pub(crate) use generation::Generation;
pub(crate) use ids::Ids;
pub(crate) use refusal::Refusal;
pub(crate) use stream::{EventWriter, stream_body, stream_reply};

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, in seconds since 1970.
pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
