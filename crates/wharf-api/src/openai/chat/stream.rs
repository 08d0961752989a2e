//! An answer that is sent while it is made, byte for byte as OpenAI's clients take it apart.

use std::io::Write as _;

use serde_json::{Value, json};
use wharf_chat::Piece;
use wharf_infer::language::{GeneratedToken, Usage};

use super::answer::reason;
use crate::language::{ChatEvent, EventWriter, Ids};
use crate::openai::head::Head;
use crate::openai::usage::{FINGERPRINT, usage};
use crate::openai::{error, logprobs};

/// Writes chunks.
pub(super) struct ChunkWriter {
    head: Head,
    choices: u32,
    include_usage: bool,
    has_logprobs: bool,
}

impl ChunkWriter {
    pub(super) fn new(head: Head, choices: u32, include_usage: bool, has_logprobs: bool) -> Self {
        Self { head, choices, include_usage, has_logprobs }
    }

    fn chunk(&self, choices: Value, usage: Value) -> Value {
        let mut chunk = json!({
            "id": self.head.id,
            "object": "chat.completion.chunk",
            "created": self.head.created,
            "model": self.head.model,
            "system_fingerprint": FINGERPRINT,
            "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = usage;
        }
        chunk
    }

    fn delta(&self, choice: u32, delta: &Value, tokens: &[GeneratedToken], reason: Option<&str>) -> Value {
        let probabilities = (self.has_logprobs && !tokens.is_empty()).then(|| logprobs::of_chat(tokens));
        let choice =
            json!({"index": choice, "delta": delta, "logprobs": probabilities, "finish_reason": reason});
        self.chunk(json!([choice]), Value::Null)
    }

    /// The tokens of a step go with its first piece.
    fn pieces(&self, choice: u32, pieces: Vec<Piece>, tokens: &[GeneratedToken], output: &mut Vec<u8>) {
        if pieces.is_empty() && self.has_logprobs {
            return write(output, &self.delta(choice, &json!({"content": ""}), tokens, None));
        }
        for (index, piece) in pieces.into_iter().enumerate() {
            let tokens = if index == 0 { tokens } else { &[] };
            write(output, &self.delta(choice, &delta_of(piece), tokens, None));
        }
    }

    /// Usage last, as every chunk without it takes it back, and the end only where all went well.
    fn done(&self, counted: &Usage, output: &mut Vec<u8>) {
        if self.include_usage {
            write(output, &self.chunk(json!([]), usage(counted)));
        }
        output.extend_from_slice(b"data: [DONE]\n\n");
    }
}

/// What a name, or a text, is sent of: once only, as clients put together what comes twice.
fn delta_of(piece: Piece) -> Value {
    match piece {
        Piece::Text(text) => json!({"content": text}),
        Piece::Call { index, name } => json!({"tool_calls": [{
            "index": index,
            "id": Ids::with("call_"),
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }]}),
        Piece::Arguments { index, text } => {
            json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]})
        }
    }
}

impl EventWriter for ChunkWriter {
    /// The role, once for each choice and in their order: clients fail on a first chunk of another than choice 0.
    fn begin(&mut self, output: &mut Vec<u8>) {
        for choice in 0..self.choices {
            write(output, &self.delta(choice, &json!({"role": "assistant", "content": ""}), &[], None));
        }
    }

    fn event(&mut self, event: ChatEvent, output: &mut Vec<u8>) {
        match event {
            ChatEvent::Prompt { .. } => {}
            ChatEvent::Pieces { choice, pieces, tokens } => self.pieces(choice, pieces, &tokens, output),
            ChatEvent::Finished { choice, ended } => {
                write(output, &self.delta(choice, &json!({}), &[], Some(reason(&ended))));
            }
            ChatEvent::Done(counted) => self.done(&counted, output),
            ChatEvent::Failed(failure) => write(output, &error::event(failure)),
        }
    }

    fn ping(&self) -> &'static [u8] {
        b": ping\n\n"
    }
}

/// One event. Writing to memory does not fail.
pub(crate) fn write(output: &mut Vec<u8>, event: &Value) {
    let _ = write!(output, "data: {event}\n\n");
}
