//! An answer that comes whole.

use serde_json::{Value, json};
use wharf_chat::Piece;
use wharf_infer::language::{GeneratedToken, Usage};

use crate::language::{ChatEvent, ChatRun, Ended, Ids, Refusal};
use crate::openai::head::Head;
use crate::openai::logprobs;
use crate::openai::usage::{FINGERPRINT, usage};

/// One choice.
#[derive(Debug, Default)]
struct Choice {
    text: String,
    calls: Vec<(String, String)>,
    tokens: Vec<GeneratedToken>,
    ended: Option<Ended>,
}

/// Waits for the whole answer.
///
/// # Errors
/// The model fails.
pub(super) async fn whole(mut run: ChatRun, head: &Head, has_logprobs: bool) -> Result<Value, Refusal> {
    let mut choices: Vec<Choice> = (0..run.choices()).map(|_| Choice::default()).collect();
    let mut counted = Usage::default();
    while let Some(event) = run.next().await {
        match event {
            ChatEvent::Prompt { .. } => {}
            ChatEvent::Pieces { choice, pieces, tokens } => {
                if let Some(choice) = choices.get_mut(choice as usize) {
                    choice.add(pieces, tokens);
                }
            }
            ChatEvent::Finished { choice, ended } => {
                if let Some(choice) = choices.get_mut(choice as usize) {
                    choice.ended = Some(ended);
                }
            }
            ChatEvent::Done(usage) => counted = usage,
            ChatEvent::Failed(error) => return Err(error.into()),
        }
    }
    let choices = (0..).zip(&choices).map(|(index, choice)| choice.document(index, has_logprobs));
    Ok(json!({
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": choices.collect::<Vec<_>>(),
        "usage": usage(&counted),
        "system_fingerprint": FINGERPRINT,
        "service_tier": "default",
    }))
}

impl Choice {
    fn add(&mut self, pieces: Vec<Piece>, tokens: Vec<GeneratedToken>) {
        self.tokens.extend(tokens);
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.text.push_str(&text),
                Piece::Call { name, .. } => self.calls.push((name, String::new())),
                Piece::Arguments { index, text } => {
                    if let Some((_, arguments)) = self.calls.get_mut(index as usize) {
                        arguments.push_str(&text);
                    }
                }
            }
        }
    }

    fn document(&self, index: u32, has_logprobs: bool) -> Value {
        let call = |(name, arguments): &(String, String)| json!({"id": Ids::with("call_"), "type": "function", "function": {"name": name, "arguments": arguments}});
        let calls: Vec<Value> = self.calls.iter().map(call).collect();
        let is_silent = self.text.is_empty() && !calls.is_empty();
        json!({
            "index": index,
            "message": {
                "role": "assistant",
                "content": (!is_silent).then_some(&self.text),
                "refusal": null,
                "tool_calls": (!calls.is_empty()).then_some(calls),
            },
            "logprobs": has_logprobs.then(|| logprobs::of_chat(&self.tokens)),
            "finish_reason": self.ended.as_ref().map(reason),
        })
    }
}

/// Why a choice ended, in OpenAI's words.
pub(crate) fn reason(ended: &Ended) -> &'static str {
    match ended {
        Ended::End | Ended::StopString(_) => "stop",
        Ended::Length => "length",
        Ended::ToolCalls => "tool_calls",
    }
}
