//! A response, whole and event by event.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use wharf_chat::{Message, Piece, Role, ToolCall};
use wharf_infer::ServiceError;
use wharf_infer::language::Usage;

use super::store::{ResponseStore, Stored};
use crate::language::{ChatEvent, ChatRun, Ended, EventWriter, Ids, Refusal};
use crate::rest::Failure;

/// Builds a response and writes what happens to it.
pub(super) struct ResponseWriter {
    /// The response as far as it is known.
    document: Map<String, Value>,
    /// What was said before, and what was asked.
    before: (Vec<Message>, Vec<Value>),
    store: Option<Arc<ResponseStore>>,
    output: Vec<Item>,
    /// Whether the last item may still grow.
    is_open: bool,
    ended: Option<Ended>,
    next: u64,
}

/// Something that the model has said or done.
#[derive(Debug)]
struct Item {
    id: String,
    /// The call's own name and the tool's, where it is a call.
    call: Option<(String, String)>,
    text: String,
}

impl Item {
    fn text_part(&self) -> Value {
        json!({"type": "output_text", "text": self.text, "annotations": [], "logprobs": []})
    }

    fn document(&self, status: &str, is_empty: bool) -> Value {
        match &self.call {
            Some((call, name)) => json!({
                "id": self.id,
                "type": "function_call",
                "status": status,
                "call_id": call,
                "name": name,
                "arguments": self.text,
            }),
            None => json!({
                "id": self.id,
                "type": "message",
                "status": status,
                "role": "assistant",
                "content": if is_empty { json!([]) } else { json!([self.text_part()]) },
            }),
        }
    }
}

impl ResponseWriter {
    pub(super) fn new(
        document: Map<String, Value>,
        before: (Vec<Message>, Vec<Value>),
        store: Option<Arc<ResponseStore>>,
    ) -> Self {
        Self { document, before, store, output: Vec::new(), is_open: false, ended: None, next: 0 }
    }

    /// Waits for the whole answer.
    ///
    /// # Errors
    /// The model fails.
    pub(super) async fn whole(mut self, mut run: ChatRun) -> Result<Value, Refusal> {
        let mut unseen = Vec::new();
        while let Some(event) = run.next().await {
            if let ChatEvent::Failed(error) = event {
                return Err(error.into());
            }
            self.event(event, &mut unseen);
            unseen.clear();
        }
        Ok(Value::Object(self.document))
    }

    fn write(&mut self, name: &str, mut event: Value, output: &mut Vec<u8>) {
        event["type"] = json!(name);
        event["sequence_number"] = json!(self.next);
        self.next += 1;
        // Writing to memory does not fail.
        let _ = write!(output, "event: {name}\ndata: {event}\n\n");
    }

    /// Where the last item is.
    fn place(&self) -> usize {
        self.output.len().saturating_sub(1)
    }

    fn open(&mut self, call: Option<(String, String)>, output: &mut Vec<u8>) {
        self.close("completed", output);
        let is_message = call.is_none();
        let item = Item { id: Ids::with(if is_message { "msg_" } else { "fc_" }), call, text: String::new() };
        let (document, id, part) = (item.document("in_progress", true), item.id.clone(), item.text_part());
        self.output.push(item);
        self.is_open = true;
        let place = self.place();
        self.write("response.output_item.added", json!({"output_index": place, "item": document}), output);
        if is_message {
            let event = json!({"item_id": id, "output_index": place, "content_index": 0, "part": part});
            self.write("response.content_part.added", event, output);
        }
    }

    fn close(&mut self, status: &str, output: &mut Vec<u8>) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let place = self.place();
        let Some(item) = self.output.last() else { return };
        let (id, text, part) = (item.id.clone(), item.text.clone(), item.text_part());
        let document = item.document(status, false);
        match item.call.clone() {
            Some((_, name)) => {
                let event = json!({"item_id": id, "output_index": place, "name": name, "arguments": text});
                self.write("response.function_call_arguments.done", event, output);
            }
            None => {
                let event = json!({"item_id": id, "output_index": place, "content_index": 0});
                let with = |name: &str, value: Value| {
                    let mut event = event.clone();
                    event[name] = value;
                    event
                };
                let mut done = with("text", json!(text));
                done["logprobs"] = json!([]);
                self.write("response.output_text.done", done, output);
                self.write("response.content_part.done", with("part", part), output);
            }
        }
        self.write("response.output_item.done", json!({"output_index": place, "item": document}), output);
    }

    fn piece(&mut self, piece: Piece, output: &mut Vec<u8>) {
        let (text, is_call) = match piece {
            Piece::Text(text) => (text, false),
            Piece::Call { name, .. } => return self.open(Some((Ids::with("call_"), name)), output),
            Piece::Arguments { text, .. } => (text, true),
        };
        let fits = self.is_open && self.output.last().is_some_and(|item| item.call.is_some() == is_call);
        if !fits {
            self.open(None, output);
        }
        let place = self.place();
        let Some(item) = self.output.last_mut() else { return };
        item.text.push_str(&text);
        let mut event = json!({"item_id": item.id, "output_index": place, "delta": text});
        if is_call {
            return self.write("response.function_call_arguments.delta", event, output);
        }
        event["content_index"] = json!(0);
        event["logprobs"] = json!([]);
        self.write("response.output_text.delta", event, output);
    }

    /// The response as it stands.
    fn state(&self, status: &str, usage: Option<&Usage>, error: Option<Value>) -> Map<String, Value> {
        let item_status = if status == "in_progress" { status } else { "completed" };
        let cut = (status == "incomplete").then(|| json!({"reason": "max_output_tokens"}));
        let last = self.place();
        let items = self.output.iter().enumerate().map(|(place, item)| {
            let is_cut = cut.is_some() && place == last;
            item.document(if is_cut { "incomplete" } else { item_status }, false)
        });
        let mut document = self.document.clone();
        for (name, value) in [
            ("status", json!(status)),
            ("output", items.collect()),
            ("usage", json!(usage.map(counted))),
            ("error", json!(error)),
            ("incomplete_details", json!(cut)),
        ] {
            document.insert(name.to_owned(), value);
        }
        document
    }

    fn done(&mut self, usage: &Usage, output: &mut Vec<u8>) {
        if self.output.is_empty() {
            self.open(None, output);
        }
        let status = if self.ended == Some(Ended::Length) { "incomplete" } else { "completed" };
        self.close(status, output);
        self.document = self.state(status, Some(usage), None);
        let response = Value::Object(self.document.clone());
        self.write(&format!("response.{status}"), json!({"response": response}), output);
        self.remember();
    }

    fn failed(&mut self, failure: ServiceError, output: &mut Vec<u8>) {
        let failure = Failure::from(failure);
        let error = json!({"code": "server_error", "message": failure.message()});
        let response = self.state("failed", None, Some(error));
        self.write("response.failed", json!({"response": response}), output);
    }

    fn remember(&mut self) {
        let Some(store) = self.store.take() else { return };
        let (mut messages, items) = std::mem::take(&mut self.before);
        let mut message = Message::new(Role::Assistant, "");
        for item in &self.output {
            match &item.call {
                None => message.content = Some(message.content.take().unwrap_or_default() + &item.text),
                Some((id, name)) => message.tool_calls.push(ToolCall {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: serde_json::from_str(&item.text).unwrap_or_default(),
                }),
            }
        }
        messages.push(message);
        let document = Value::Object(self.document.clone());
        let id = document["id"].as_str().unwrap_or_default().to_owned();
        store.put(&id, Stored { document, items, messages });
    }
}

impl EventWriter for ResponseWriter {
    fn begin(&mut self, output: &mut Vec<u8>) {
        for name in ["response.created", "response.in_progress"] {
            let response = self.state("in_progress", None, None);
            self.write(name, json!({"response": response}), output);
        }
    }

    fn event(&mut self, event: ChatEvent, output: &mut Vec<u8>) {
        match event {
            ChatEvent::Pieces { pieces, .. } => {
                pieces.into_iter().for_each(|piece| self.piece(piece, output))
            }
            ChatEvent::Finished { ended, .. } => self.ended = Some(ended),
            ChatEvent::Done(usage) => self.done(&usage, output),
            ChatEvent::Failed(failure) => self.failed(failure, output),
            ChatEvent::Prompt { .. } => {}
        }
    }

    fn ping(&self) -> &'static [u8] {
        b": ping\n\n"
    }
}

fn counted(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens.saturating_add(usage.completion_tokens),
    })
}
