//! One question over the OpenAI interface, with the times of its answer.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hyper::Method;
use serde_json::{Value, json};

use crate::client::RestClient;

/// When an answer came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From the question to the first text.
    pub(super) first: Duration,
    /// From the question to the last text.
    pub(super) last: Duration,
    /// Tokens of the prompt, and those of them that were not computed.
    pub(super) read: u32,
    pub(super) cached: u32,
    /// Tokens of the answer.
    pub(super) written: u32,
}

/// The first model of a server.
pub(super) async fn only_model(address: &str) -> anyhow::Result<String> {
    let models = RestClient::connect(address).await?.json(Method::GET, "/v1/models", None).await?;
    Ok(models["data"][0]["id"].as_str().context("the server has no language model")?.to_owned())
}

/// Asks for exactly so many tokens, over a connection of its own.
pub(super) async fn ask(
    address: &str,
    model: &str,
    messages: &[(&str, &str)],
    tokens: u32,
) -> anyhow::Result<Timing> {
    ask_as(address, model, messages, tokens, None).await
}

/// The same as the user of a name.
pub(super) async fn ask_as(
    address: &str,
    model: &str,
    messages: &[(&str, &str)],
    tokens: u32,
    user: Option<&str>,
) -> anyhow::Result<Timing> {
    let messages: Vec<Value> =
        messages.iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
    let body = json!({
        "model": model, "messages": messages, "max_tokens": tokens, "ignore_eos": true, "temperature": 0,
        "stream": true, "stream_options": {"include_usage": true}, "user": user,
    });
    let mut client = RestClient::connect(address).await?;
    let began = Instant::now();
    let mut events = client.events("/v1/chat/completions", body.to_string().into()).await?;
    let (mut first, mut last, mut usage) = (None, None, Value::Null);
    while let Some(event) = events.next().await? {
        let event: Value = serde_json::from_str(&event).context("the server's event is no JSON")?;
        if let Some(message) = event["error"]["message"].as_str() {
            bail!("{message}");
        }
        if event["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty()) {
            first.get_or_insert_with(|| began.elapsed());
            last = Some(began.elapsed());
        }
        if event["usage"].is_object() {
            usage = event["usage"].clone();
        }
    }
    let (first, last) = first.zip(last).context("the answer has no text")?;
    let count = |value: &Value| value.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
    Ok(Timing {
        first,
        last,
        read: count(&usage["prompt_tokens"]),
        cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
        written: count(&usage["completion_tokens"]),
    })
}
