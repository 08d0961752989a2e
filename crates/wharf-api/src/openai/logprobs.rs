//! Probabilities of tokens, as chats and as completions show them.

use serde_json::{Map, Value, json};
use wharf_infer::language::{GeneratedToken, TokenChance};

/// What stands for a probability of 0: JSON has no infinity.
const LEAST: f32 = -9999.0;

/// The probabilities of some tokens in a chat.
pub(super) fn of_chat(tokens: &[GeneratedToken]) -> Value {
    let content = tokens.iter().map(|token| {
        let mut entry = chance(&token.chosen);
        entry.insert("top_logprobs".to_owned(), token.top.iter().map(chance).collect());
        Value::Object(entry)
    });
    json!({"content": content.collect::<Vec<_>>(), "refusal": null})
}

fn chance(chance: &TokenChance) -> Map<String, Value> {
    let mut entry = Map::new();
    entry.insert("token".to_owned(), json!(text(&chance.bytes)));
    entry.insert("logprob".to_owned(), number(chance.logprob));
    entry.insert("bytes".to_owned(), json!(chance.bytes));
    entry
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The first token of a prompt has no probability.
fn number(logprob: f32) -> Value {
    if logprob.is_nan() { Value::Null } else { json!(logprob.max(LEAST)) }
}

/// The probabilities of some tokens in a completion, whose text goes on at character `offset`.
#[derive(Debug, Default)]
pub(super) struct CompletionLogprobs {
    tokens: Vec<Value>,
    logprobs: Vec<Value>,
    top: Vec<Value>,
    offsets: Vec<Value>,
    offset: usize,
}

impl CompletionLogprobs {
    pub(super) fn add(&mut self, tokens: &[GeneratedToken]) {
        for token in tokens {
            let shown = text(&token.chosen.bytes);
            self.offsets.push(json!(self.offset));
            self.offset += shown.chars().count();
            self.logprobs.push(number(token.chosen.logprob));
            self.top.push(top(token));
            self.tokens.push(json!(shown));
        }
    }

    /// What was added since the last time.
    pub(super) fn take(&mut self) -> Value {
        let take = |list: &mut Vec<Value>| Value::Array(std::mem::take(list));
        json!({
            "tokens": take(&mut self.tokens),
            "token_logprobs": take(&mut self.logprobs),
            "top_logprobs": take(&mut self.top),
            "text_offset": take(&mut self.offsets),
        })
    }
}

/// By their texts: of two tokens with the same text the likelier one counts. The token itself is always among them.
fn top(token: &GeneratedToken) -> Value {
    if token.chosen.logprob.is_nan() {
        return Value::Null;
    }
    let mut top = Map::new();
    for chance in token.top.iter().chain([&token.chosen]) {
        top.entry(text(&chance.bytes)).or_insert_with(|| number(chance.logprob));
    }
    Value::Object(top)
}
