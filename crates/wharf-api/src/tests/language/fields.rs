//! Every field of every request with what it cannot be: of another kind, null, huge, negative, unknown.

use serde_json::{Value, json};

use super::{Language, Reply};

/// The fields of a request, each with the kinds of values that it may have: `s`trings, `b`ooleans, `n`umbers, `l`ists and
/// `o`bjects. None for what this server does not do, whose values are all refused.
type Fields = &'static [(&'static str, &'static str)];

/// What requests that draw tokens share.
const SAMPLING: Fields = &[
    ("temperature", "n"),
    ("top_p", "n"),
    ("min_p", "n"),
    ("typical_p", "n"),
    ("repetition_penalty", "n"),
    ("frequency_penalty", "n"),
    ("presence_penalty", "n"),
    ("top_k", "n"),
    ("seed", "n"),
    ("n", "n"),
    ("logit_bias", "o"),
    ("stop", "sl"),
    ("min_tokens", "n"),
    ("max_tokens", "n"),
    ("ignore_eos", "b"),
    ("user", "s"),
    ("safety_identifier", "s"),
    ("cache_salt", "s"),
    ("prompt_cache_key", "s"),
    ("priority", "n"),
    ("response_format", "o"),
    ("structured_outputs", "o"),
    ("guided_json", "sob"),
    ("guided_regex", "s"),
    ("guided_choice", "l"),
    ("guided_grammar", "s"),
    ("stream", "b"),
    ("stream_options", "o"),
    ("model", "s"),
];
const CHAT: Fields = &[
    ("messages", "l"),
    ("tools", "l"),
    ("tool_choice", "so"),
    ("parallel_tool_calls", "b"),
    ("max_completion_tokens", "n"),
    ("logprobs", "b"),
    ("top_logprobs", "n"),
    ("chat_template_kwargs", "o"),
    ("reasoning_effort", "s"),
    ("modalities", "l"),
    ("service_tier", "s"),
    ("store", "b"),
    ("verbosity", "s"),
    ("metadata", "o"),
    ("audio", ""),
    ("prediction", ""),
    ("web_search_options", ""),
    ("functions", ""),
    ("function_call", ""),
    ("chat_template", ""),
    ("best_of", "n"),
    ("echo", "b"),
];
const COMPLETION: Fields =
    &[("prompt", "sl"), ("echo", "b"), ("logprobs", "n"), ("suffix", "s"), ("best_of", "n")];
const RESPONSE: Fields = &[
    ("model", "s"),
    ("input", "sl"),
    ("instructions", "s"),
    ("previous_response_id", "s"),
    ("tools", "l"),
    ("tool_choice", "so"),
    ("parallel_tool_calls", "b"),
    ("text", "o"),
    ("temperature", "n"),
    ("top_p", "n"),
    ("max_output_tokens", "n"),
    ("user", "s"),
    ("safety_identifier", "s"),
    ("prompt_cache_key", "s"),
    ("stream", "b"),
    ("store", "b"),
    ("metadata", "o"),
    ("background", "b"),
    ("truncation", "s"),
    ("include", "l"),
    ("reasoning", "o"),
    ("service_tier", "s"),
    ("top_logprobs", "n"),
    ("max_tool_calls", ""),
    ("conversation", ""),
    ("prompt", ""),
];
const EMBEDDING: Fields =
    &[("model", "s"), ("input", "sl"), ("encoding_format", "s"), ("dimensions", "n"), ("user", "s")];
const MESSAGE: Fields = &[
    ("model", "s"),
    ("max_tokens", "n"),
    ("messages", "l"),
    ("system", "sl"),
    ("tools", "l"),
    ("tool_choice", "o"),
    ("temperature", "n"),
    ("top_p", "n"),
    ("top_k", "n"),
    ("stop_sequences", "sl"),
    ("metadata", "o"),
    ("stream", "b"),
    ("thinking", "o"),
    ("service_tier", "s"),
    ("container", ""),
    ("mcp_servers", "l"),
];
const OLLAMA: Fields = &[
    ("model", "s"),
    ("prompt", "s"),
    ("system", "s"),
    ("options", "o"),
    ("format", "so"),
    ("stream", "b"),
    ("keep_alive", "sn"),
    ("tools", "l"),
    ("think", "b"),
    ("images", "l"),
    ("suffix", "s"),
    ("template", "s"),
    ("context", "l"),
    ("raw", "b"),
    ("logprobs", "b"),
];

/// A value of each kind that is right nowhere.
fn of_kinds() -> [(char, Value); 5] {
    [
        ('s', json!("\u{0}\u{202e}x")),
        ('b', json!(true)),
        ('n', json!(0.5)),
        ('l', json!([{"nobody": []}])),
        ('o', json!({"nobody": 1})),
    ]
}

/// Numbers that something overflows by.
fn extremes() -> Vec<Value> {
    let mut numbers: Vec<Value> =
        [0.0, -0.0, 0.5, -0.5, 1e-308, 1e308, -1e308, 1e39].map(|number| json!(number)).into();
    numbers.extend([i64::MIN, -1, 0, 1 << 31, 1 << 32, 1 << 53, i64::MAX].map(|number| json!(number)));
    numbers.push(json!(u64::MAX));
    numbers
}

/// What a request is to be changed by, and whether it may be right then.
fn cases(fields: Fields) -> Vec<(&'static str, Value, bool)> {
    let mut cases = Vec::new();
    for (name, kinds) in fields {
        cases.extend(of_kinds().map(|(kind, value)| (*name, value, kinds.contains(kind))));
        // As if it was not there.
        cases.push((name, Value::Null, true));
        if kinds.contains('n') {
            cases.extend(extremes().into_iter().map(|value| (*name, value, true)));
        }
    }
    cases.push(("nobody", json!(1), false));
    cases
}

/// Sends them all. Every one is answered, or refused by the name of the field.
async fn check(path: &str, base: Value, fields: Fields) {
    let language = Language::answering(&["a"]).await;
    assert_eq!(language.post(path, &base).await.status, 200, "{path} {base}");
    for (name, value, may_be) in cases(fields) {
        let mut body = base.clone();
        body[name] = value;
        let reply = language.post(path, &body).await;
        let is_refused = reply.status == 400 && is_named(&reply, path, name);
        // A name of the right kind may be that of nobody.
        let is_unknown = reply.status == 404 && ["model", "previous_response_id"].contains(&name);
        assert!(
            is_refused || (may_be && (reply.status == 200 || is_unknown)),
            "{path} {name}: {}: {} {}",
            body[name],
            reply.status,
            reply.body
        );
    }
}

/// Whether a refusal says which field is at fault.
fn is_named(reply: &Reply, path: &str, name: &str) -> bool {
    let error = &reply.json()["error"];
    let has_param = !path.starts_with("/api/") && path != "/v1/messages";
    // Names of one constraint stand for all of them, and both of a length for either.
    let alias = match name {
        "guided_regex" | "guided_choice" | "guided_grammar" => "guided_json",
        "max_completion_tokens" => "max_tokens",
        "max_tokens" => "min_tokens",
        "echo" => "max_tokens",
        other => other,
    };
    if has_param {
        let param = error["param"].as_str().unwrap_or_default();
        return param.starts_with(name) || param.starts_with(alias);
    }
    let text = error["message"].as_str().or(error.as_str()).unwrap_or_default();
    text.contains(&format!("`{name}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_chat_is_held_to_its_kind() {
    let base = json!({"model": "base", "messages": [{"role": "user", "content": "hello"}]});
    check("/v1/chat/completions", base.clone(), SAMPLING).await;
    check("/v1/chat/completions", base, CHAT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_completion_is_held_to_its_kind() {
    let base = json!({"model": "base", "prompt": "hello"});
    check("/v1/completions", base.clone(), SAMPLING).await;
    check("/v1/completions", base, COMPLETION).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_response_is_held_to_its_kind() {
    check("/v1/responses", json!({"model": "base", "input": "hello"}), RESPONSE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_an_embedding_is_held_to_its_kind() {
    check("/v1/embeddings", json!({"model": "base", "input": "hello"}), EMBEDDING).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_message_is_held_to_its_kind() {
    let messages = json!([{"role": "user", "content": "hello"}]);
    check("/v1/messages", json!({"model": "base", "max_tokens": 4, "messages": messages}), MESSAGE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_ollama_is_held_to_its_kind() {
    check("/api/generate", json!({"model": "base", "prompt": "hello"}), OLLAMA).await;
}
