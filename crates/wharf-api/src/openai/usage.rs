//! What was counted, in OpenAI's words.

use serde_json::{Value, json};
use wharf_infer::language::Usage;

/// The usage of an answer.
pub(super) fn usage(usage: &Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "accepted_prediction_tokens": usage.accepted_guesses,
            "rejected_prediction_tokens": usage.rejected_guesses,
            "audio_tokens": 0,
        },
    })
}

/// What made the answer: another version may answer otherwise.
pub(super) const FINGERPRINT: &str = concat!("fp_wharf_", env!("CARGO_PKG_VERSION"));
