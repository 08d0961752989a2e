//! Anthropic's messages.

use serde_json::{Value, json};
use wharf_infer::language::{Constraint, Finish};

use super::Language;

fn message(more: Value) -> Value {
    let mut body =
        json!({"model": "base", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn ask(language: &Language, more: Value) -> super::Reply {
    language.post("/v1/messages", &message(more)).await
}

fn tools() -> Value {
    json!([{"name": "f", "description": "d", "input_schema": {"type": "object"}}])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_answered_in_full() {
    let language = Language::answering(&["Hel", "lo"]).await;
    let reply = ask(
        &language,
        json!({"system": [{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]}),
    )
    .await;
    let document = reply.json();
    assert_eq!(
        (reply.status, &document["type"], &document["role"]),
        (200, &json!("message"), &json!("assistant")),
        "{}",
        reply.body
    );
    assert_eq!(document["content"], json!([{"type": "text", "text": "Hello"}]));
    assert_eq!((&document["stop_reason"], &document["stop_sequence"]), (&json!("end_turn"), &Value::Null));
    assert_eq!(document["usage"]["output_tokens"], 2);
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    let count = language
        .post(
            "/v1/messages/count_tokens",
            &json!({"model": "base", "messages": [{"role": "user", "content": "hello"}]}),
        )
        .await;
    assert!(count.json()["input_tokens"].as_u64().unwrap() > 5, "{}", count.body);
    language.model.answer(&["a"], Finish::StopString("x".into()));
    let document = ask(&language, json!({"stop_sequences": ["x"], "top_k": 3, "metadata": {"user_id": "u"}}))
        .await
        .json();
    assert_eq!(
        (&document["stop_reason"], &document["stop_sequence"]),
        (&json!("stop_sequence"), &json!("x"))
    );
    language.model.answer(&["a"], Finish::Length);
    assert_eq!(ask(&language, json!({})).await.json()["stop_reason"], "max_tokens");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_come_in_their_order() {
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";
    let language = Language::answering(&["look", " here", call]).await;
    let reply = ask(&language, json!({"stream": true, "tools": tools()})).await;
    let names: Vec<&str> = reply.body.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    let events = reply.events();
    assert!(names.iter().zip(&events).all(|(name, event)| event["type"] == *name));
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    assert_eq!(events[1]["content_block"], json!({"type": "text", "text": ""}));
    assert_eq!(events[2]["delta"], json!({"type": "text_delta", "text": "look"}));
    assert_eq!((&events[5]["index"], &events[5]["content_block"]["name"]), (&json!(1), &json!("f")));
    assert_eq!(events[6]["delta"], json!({"type": "input_json_delta", "partial_json": "{\"a\": 1}"}));
    assert_eq!(events[8]["delta"]["stop_reason"], "tool_use");
    let document = ask(&language, json!({"tools": tools(), "tool_choice": {"type": "any"}})).await.json();
    assert_eq!(
        (&document["content"][1]["type"], &document["content"][1]["input"]),
        (&json!("tool_use"), &json!({"a": 1}))
    );
    let requests: Vec<_> = std::iter::from_fn(|| language.model.request()).collect();
    assert!(matches!(requests.last().unwrap().constraint, Some(Constraint::Grammar(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_their_results_go_on() {
    let language = Language::answering(&["a"]).await;
    let messages = json!([
        {"role": "user", "content": "weather?"},
        {"role": "assistant", "content": [{"type": "text", "text": "look"}, {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "sun"}]}, {"type": "text", "text": "so?"}]},
    ]);
    let reply = ask(&language, json!({"messages": messages, "tools": tools()})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let wharf_infer::language::Prompt::Text { parts, .. } = language.model.request().unwrap().prompt else {
        panic!("tokens")
    };
    let prompt: String = parts.into_iter().map(|part| part.text).collect();
    for expected in [
        "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>",
        "<tool_response>\nsun\n</tool_response>",
        "<|im_start|>user\nso?<|im_end|>",
    ] {
        assert!(prompt.contains(expected), "{prompt}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_is_refused_by_its_name() {
    let language = Language::answering(&["a"]).await;
    for (more, name) in [
        (json!({"max_tokens": null}), "max_tokens"),
        (json!({"temperature": 1.5}), "temperature"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}), "thinking"),
        (json!({"messages": [{"role": "system", "content": "x"}]}), "messages[0].role"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image"}]}]}),
            "messages[0].content[0].type",
        ),
        (json!({"tools": [{"type": "computer", "name": "f"}]}), "tools[0].type"),
        (json!({"tool_choice": {"type": "tool", "name": "g"}}), "tool_choice.name"),
        (json!({"frobnicate": 1}), "frobnicate"),
    ] {
        let reply = ask(&language, more.clone()).await;
        let document = reply.json();
        assert_eq!(
            (reply.status, &document["type"], &document["error"]["type"]),
            (400, &json!("error"), &json!("invalid_request_error")),
            "{more}"
        );
        assert!(document["error"]["message"].as_str().unwrap().contains(&format!("`{name}`")), "{document}");
        assert_eq!(document["request_id"].as_str(), reply.header("request-id"));
    }
    let reply = ask(&language, json!({"model": "none"})).await;
    assert_eq!((reply.status, &reply.json()["error"]["type"]), (404, &json!("not_found_error")));
}
