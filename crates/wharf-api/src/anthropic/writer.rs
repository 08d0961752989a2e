//! Messages, whole and event by event.

use std::io::Write as _;

use serde_json::{Value, json};
use wharf_chat::Piece;
use wharf_infer::language::Usage;

use super::error;
use crate::language::{ChatEvent, ChatRun, Ended, EventWriter, Ids, Refusal};

/// Writes the events of a message.
pub(super) struct MessageWriter {
    id: String,
    model: String,
    prompt_tokens: u32,
    /// Blocks that were begun.
    blocks: u32,
    open: Option<Block>,
    ended: Option<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Text,
    ToolUse,
}

impl MessageWriter {
    pub(super) fn new(id: String, model: String, prompt_tokens: u32) -> Self {
        Self { id, model, prompt_tokens, blocks: 0, open: None, ended: None }
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// The model fails.
    pub(super) async fn whole(self, mut run: ChatRun) -> Result<Value, Refusal> {
        let mut content: Vec<Value> = Vec::new();
        let (mut ended, mut counted, mut written) = (None, Usage::default(), String::new());
        while let Some(event) = run.next().await {
            match event {
                ChatEvent::Pieces { pieces, .. } => {
                    pieces.into_iter().for_each(|piece| add(&mut content, &mut written, piece));
                }
                ChatEvent::Finished { ended: why, .. } => ended = Some(why),
                ChatEvent::Done(usage) => counted = usage,
                ChatEvent::Failed(error) => return Err(error.into()),
                ChatEvent::Prompt { .. } => {}
            }
        }
        let (reason, stop) = ending(ended.as_ref());
        Ok(json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": stop,
            "usage": usage(&counted),
        }))
    }

    fn start_block(&mut self, kind: Block, block: &Value, output: &mut Vec<u8>) {
        self.stop_block(output);
        write(output, "content_block_start", json!({"index": self.blocks, "content_block": block}));
        self.open = Some(kind);
        self.blocks += 1;
    }

    fn stop_block(&mut self, output: &mut Vec<u8>) {
        if self.open.take().is_some() {
            write(output, "content_block_stop", json!({"index": self.blocks.saturating_sub(1)}));
        }
    }

    fn delta(&self, delta: &Value, output: &mut Vec<u8>) {
        let index = self.blocks.saturating_sub(1);
        write(output, "content_block_delta", json!({"index": index, "delta": delta}));
    }

    fn piece(&mut self, piece: Piece, output: &mut Vec<u8>) {
        match piece {
            Piece::Text(text) => {
                if self.open != Some(Block::Text) {
                    self.start_block(Block::Text, &json!({"type": "text", "text": ""}), output);
                }
                self.delta(&json!({"type": "text_delta", "text": text}), output);
            }
            Piece::Call { name, .. } => {
                let block = json!({"type": "tool_use", "id": Ids::with("toolu_"), "name": name, "input": {}});
                self.start_block(Block::ToolUse, &block, output);
            }
            Piece::Arguments { text, .. } => {
                self.delta(&json!({"type": "input_json_delta", "partial_json": text}), output);
            }
        }
    }

    fn done(&mut self, counted: &Usage, output: &mut Vec<u8>) {
        self.stop_block(output);
        let (reason, stop) = ending(self.ended.as_ref());
        let delta = json!({"stop_reason": reason, "stop_sequence": stop});
        write(output, "message_delta", json!({"delta": delta, "usage": usage(counted)}));
        write(output, "message_stop", json!({}));
    }
}

impl EventWriter for MessageWriter {
    fn begin(&mut self, output: &mut Vec<u8>) {
        let counted = Usage { prompt_tokens: self.prompt_tokens, ..Usage::default() };
        let message = json!({
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            "usage": usage(&counted),
        });
        write(output, "message_start", json!({"message": message}));
    }

    fn event(&mut self, event: ChatEvent, output: &mut Vec<u8>) {
        match event {
            ChatEvent::Pieces { pieces, .. } => {
                pieces.into_iter().for_each(|piece| self.piece(piece, output))
            }
            ChatEvent::Finished { ended, .. } => self.ended = Some(ended),
            ChatEvent::Done(counted) => self.done(&counted, output),
            ChatEvent::Failed(failure) => write(output, "error", error::event(failure)),
            ChatEvent::Prompt { .. } => {}
        }
    }

    fn ping(&self) -> &'static [u8] {
        b"event: ping\ndata: {\"type\": \"ping\"}\n\n"
    }
}

/// Adds a piece to the blocks of a whole answer; `written` is what there is of the arguments of the last call.
fn add(content: &mut Vec<Value>, written: &mut String, piece: Piece) {
    match piece {
        Piece::Text(more) => match content.last_mut().and_then(|last| last.get_mut("text")) {
            Some(Value::String(text)) => text.push_str(&more),
            _ => content.push(json!({"type": "text", "text": more})),
        },
        Piece::Call { name, .. } => {
            written.clear();
            content.push(json!({"type": "tool_use", "id": Ids::with("toolu_"), "name": name, "input": {}}));
        }
        Piece::Arguments { text, .. } => {
            written.push_str(&text);
            // What is not complete yet is no JSON.
            if text.ends_with('}')
                && let (Some(last), Ok(input)) = (content.last_mut(), serde_json::from_str::<Value>(written))
            {
                last["input"] = input;
            }
        }
    }
}

fn ending(ended: Option<&Ended>) -> (Option<&'static str>, Option<&str>) {
    match ended {
        None => (None, None),
        Some(Ended::End) => (Some("end_turn"), None),
        Some(Ended::StopString(stop)) => (Some("stop_sequence"), Some(stop)),
        Some(Ended::Length) => (Some("max_tokens"), None),
        Some(Ended::ToolCalls) => (Some("tool_use"), None),
    }
}

/// Tokens from the cache are counted apart.
fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens.saturating_sub(usage.cached_tokens),
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "output_tokens": usage.completion_tokens,
    })
}

/// One event: clients pass over those without a name. Writing to memory does not fail.
fn write(output: &mut Vec<u8>, name: &str, mut event: Value) {
    event["type"] = json!(name);
    let _ = write!(output, "event: {name}\ndata: {event}\n\n");
}
