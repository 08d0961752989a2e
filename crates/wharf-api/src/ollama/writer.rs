//! Answers, whole and line by line.

use std::io::Write as _;
use std::time::Instant;

use serde_json::{Value, json};
use wharf_chat::Piece;
use wharf_infer::language::Usage;

use super::now;
use crate::language::{ChatEvent, ChatRun, Ended, EventWriter, Refusal};
use crate::rest::Failure;

/// Writes lines.
pub(super) struct LineWriter {
    model: String,
    is_chat: bool,
    began: Instant,
    /// When the model had taken the request.
    taken: Instant,
    first: Option<Instant>,
    /// Calls, which clients want whole.
    calls: Vec<(String, String)>,
    ended: Option<Ended>,
}

impl LineWriter {
    /// For a request that came at `began` and was taken now.
    pub(super) fn new(model: String, is_chat: bool, began: Instant) -> Self {
        Self { model, is_chat, began, taken: Instant::now(), first: None, calls: Vec::new(), ended: None }
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// The model fails.
    pub(super) async fn whole(mut self, mut run: ChatRun) -> Result<Value, Refusal> {
        let (mut text, mut counted) = (String::new(), Usage::default());
        while let Some(event) = run.next().await {
            match event {
                ChatEvent::Pieces { pieces, .. } => text.push_str(&self.take(pieces)),
                ChatEvent::Finished { ended, .. } => self.ended = Some(ended),
                ChatEvent::Done(usage) => counted = usage,
                ChatEvent::Failed(error) => return Err(error.into()),
                ChatEvent::Prompt { .. } => {}
            }
        }
        let calls = self.take_calls();
        Ok(self.last(&text, calls, &counted))
    }

    /// The text of pieces; calls are kept.
    fn take(&mut self, pieces: Vec<Piece>) -> String {
        self.first.get_or_insert_with(Instant::now);
        let mut said = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => said.push_str(&text),
                Piece::Call { name, .. } => self.calls.push((name, String::new())),
                Piece::Arguments { text, .. } => {
                    if let Some((_, arguments)) = self.calls.last_mut() {
                        arguments.push_str(&text);
                    }
                }
            }
        }
        said
    }

    /// Calls that are complete: arguments that broke off are no JSON.
    fn take_calls(&mut self) -> Vec<Value> {
        let call = |(name, arguments): (String, String)| {
            let arguments: Value = serde_json::from_str(&arguments).ok()?;
            Some(json!({"function": {"name": name, "arguments": arguments}}))
        };
        std::mem::take(&mut self.calls).into_iter().filter_map(call).collect()
    }

    fn document(&self, text: &str, calls: Vec<Value>) -> Value {
        let mut document = json!({"model": self.model, "created_at": now()});
        if !self.is_chat {
            document["response"] = json!(text);
            return document;
        }
        document["message"] = json!({"role": "assistant", "content": text});
        if !calls.is_empty() {
            document["message"]["tool_calls"] = Value::Array(calls);
        }
        document
    }

    fn last(&self, text: &str, calls: Vec<Value>, counted: &Usage) -> Value {
        let end = Instant::now();
        let first = self.first.unwrap_or(end);
        let nanos = |from: Instant, to: Instant| {
            u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
        };
        let mut document = self.document(text, calls);
        let reason = if self.ended == Some(Ended::Length) { "length" } else { "stop" };
        for (name, value) in [
            ("done", json!(true)),
            ("done_reason", json!(reason)),
            ("total_duration", json!(nanos(self.began, end))),
            ("load_duration", json!(nanos(self.began, self.taken))),
            ("prompt_eval_count", json!(counted.prompt_tokens)),
            ("prompt_eval_duration", json!(nanos(self.taken, first))),
            ("eval_count", json!(counted.completion_tokens)),
            ("eval_duration", json!(nanos(first, end))),
        ] {
            document[name] = value;
        }
        document
    }

    fn line(&self, text: &str, calls: Vec<Value>, output: &mut Vec<u8>) {
        let mut document = self.document(text, calls);
        document["done"] = json!(false);
        write(output, &document);
    }
}

impl EventWriter for LineWriter {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn event(&mut self, event: ChatEvent, output: &mut Vec<u8>) {
        match event {
            ChatEvent::Pieces { pieces, .. } => {
                let text = self.take(pieces);
                if !text.is_empty() {
                    self.line(&text, Vec::new(), output);
                }
            }
            ChatEvent::Finished { ended, .. } => {
                self.ended = Some(ended);
                let calls = self.take_calls();
                if !calls.is_empty() {
                    self.line("", calls, output);
                }
            }
            ChatEvent::Done(counted) => {
                let last = self.last("", Vec::new(), &counted);
                write(output, &last);
            }
            ChatEvent::Failed(error) => write(output, &json!({"error": Failure::from(error).message()})),
            ChatEvent::Prompt { .. } => {}
        }
    }

    /// There is nothing that a client passes over.
    fn ping(&self) -> &'static [u8] {
        b""
    }
}

/// One line. Writing to memory does not fail.
fn write(output: &mut Vec<u8>, line: &Value) {
    let _ = writeln!(output, "{line}");
}
