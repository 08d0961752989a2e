//! The interfaces of language models over a real socket, with a model that says what the test has it say.

mod anthropic;
mod batches;
mod chat;
mod completions;
mod fields;
mod ollama;
mod others;
mod pull;
mod responses;
mod stream;

use std::sync::Arc;

use serde_json::{Value, json};
use wharf_testing::{FakeEngine, FakeLanguage, FakeLanguageModels};

use super::{Server, exchange, status_of};
use crate::{ApiConfig, ModelStore};

/// A server of the language model `base`, and of `m`, which is none.
struct Language {
    server: Server,
    models: Arc<FakeLanguageModels>,
    model: Arc<FakeLanguage>,
}

/// A reply in its parts.
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(header, _)| *header == name).map(|(_, value)| value).next()
    }

    /// The events of a stream; what ends it is the text `[DONE]`.
    fn events(&self) -> Vec<Value> {
        let lines = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data))).collect()
    }
}

impl Language {
    async fn of(model: Arc<FakeLanguage>) -> Self {
        let models = FakeLanguageModels::new("base", &model);
        let config = ApiConfig { language_models: Some(Arc::clone(&models) as _), ..ApiConfig::default() };
        let server = Server::configured(&FakeEngine::free_running(), config).await;
        Self { server, models, model }
    }

    /// With a store that clients may add models to.
    async fn with_store(store: Arc<dyn ModelStore>) -> Self {
        let model = FakeLanguage::answering(&["a"]);
        let models = FakeLanguageModels::new("base", &model);
        let config = ApiConfig {
            language_models: Some(Arc::clone(&models) as _),
            language_store: Some(store),
            ..ApiConfig::default()
        };
        let server = Server::configured(&FakeEngine::free_running(), config).await;
        Self { server, models, model }
    }

    async fn answering(pieces: &[&str]) -> Self {
        Self::of(FakeLanguage::answering(pieces)).await
    }

    fn address(&self) -> std::net::SocketAddr {
        self.server.handle.addresses().http.unwrap()
    }

    async fn call(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        read(&exchange(self.address(), request.as_bytes()).await)
    }

    async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, "", &body.to_string()).await
    }

    /// A chat of one message, and these fields.
    async fn chat(&self, more: Value) -> Reply {
        self.post("/v1/chat/completions", &chat(more)).await
    }
}

fn chat(more: Value) -> Value {
    let mut body = json!({"model": "base", "messages": [{"role": "user", "content": "hello"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn read(reply: &str) -> Reply {
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no reply: {reply}"));
    let body = match head.contains("transfer-encoding: chunked") {
        true => unchunked(body),
        false => body.to_owned(),
    };
    Reply { status: status_of(reply), head: head.to_owned(), body }
}

/// Lengths are in bytes.
fn unchunked(body: &str) -> String {
    let mut rest = body.as_bytes();
    let mut whole = Vec::new();
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            break;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
    String::from_utf8(whole).unwrap()
}
