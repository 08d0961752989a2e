//! Chats that are answered whole.

use std::time::Duration;

use serde_json::{Value, json};
use wharf_infer::language::{Constraint, Finish, Prompt};
use wharf_infer::{ErrorCode, ServiceError};

use super::{Language, chat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_is_answered_in_full() {
    let language = Language::answering(&["Hel", "lo"]).await;
    let reply = language.chat(json!({})).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/json")),
        "{}",
        reply.body
    );
    let document = reply.json();
    assert!(document["id"].as_str().unwrap().starts_with("chatcmpl-"));
    assert!(document["created"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!((&document["object"], &document["model"]), (&json!("chat.completion"), &json!("base")));
    let message = json!({"role": "assistant", "content": "Hello", "refusal": null, "tool_calls": null});
    assert_eq!(
        document["choices"],
        json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}])
    );
    let prompt = "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n";
    assert_eq!(document["usage"]["prompt_tokens"], json!(prompt.len()));
    assert_eq!(document["usage"]["prompt_tokens_details"]["cached_tokens"], json!(prompt.len() / 2));
    assert_eq!(document["usage"]["completion_tokens_details"]["accepted_prediction_tokens"], json!(1));
    let Prompt::Text { parts, with_special } = language.model.request().unwrap().prompt else {
        panic!("tokens")
    };
    assert_eq!((parts[0].text.as_str(), with_special), (prompt, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_parameter_reaches_the_model() {
    let language = Language::answering(&["a"]).await;
    let reply = language
        .chat(json!({
            "model": "base:poet", "n": 2, "temperature": 0.5, "top_p": 0.25, "top_k": 7, "min_p": 0.125, "typical_p": 0.75,
            "repetition_penalty": 1.5, "frequency_penalty": -1, "presence_penalty": 1.0, "seed": -3,
            "logit_bias": {"5": -100, "6": 2.5}, "stop": ["x", "y"], "max_completion_tokens": 9, "min_tokens": 2,
            "ignore_eos": true, "logprobs": true, "top_logprobs": 3, "user": "u", "cache_salt": "s", "priority": -4,
            "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
            "store": false, "service_tier": "auto", "modalities": ["text"], "metadata": {}, "stream": false,
            "parallel_tool_calls": true, "chat_template_kwargs": {"x": 1}, "reasoning_effort": null,
        }))
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let request = language.model.request().unwrap();
    let sampling = &request.sampling;
    let numbers = [
        sampling.temperature,
        sampling.top_p,
        sampling.min_p,
        sampling.typical_p,
        sampling.repetition_penalty,
        sampling.frequency_penalty,
        sampling.presence_penalty,
    ];
    assert_eq!(numbers, [0.5, 0.25, 0.125, 0.75, 1.5, -1.0, 1.0]);
    assert_eq!((sampling.top_k, sampling.seed), (7, Some(u64::MAX - 2)));
    assert_eq!(sampling.logit_bias, [(5, -100.0), (6, 2.5)].into());
    assert_eq!(request.stop, ["x", "y", "<|im_end|>"]);
    assert_eq!(
        (request.choices, request.max_tokens, request.min_tokens, request.ignore_end),
        (2, Some(9), 2, true)
    );
    assert_eq!((request.logprobs, request.adapter.as_deref()), (Some(3), Some("poet")));
    assert_eq!(
        (request.share.caller.as_str(), request.share.cache_salt.as_str(), request.share.priority),
        ("u", "s", -4)
    );
    assert_eq!(request.constraint, Some(Constraint::JsonSchema("{\"type\":\"object\"}".into())));
    let logprobs = &reply.json()["choices"][1]["logprobs"]["content"][0];
    assert_eq!(
        (&logprobs["token"], &logprobs["bytes"], &logprobs["logprob"]),
        (&json!("a"), &json!([97]), &json!(-0.5))
    );
    assert_eq!(logprobs["top_logprobs"].as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_is_refused_by_its_name() {
    let language = Language::answering(&["a"]).await;
    let part = |kind: &str| json!([{"role": "user", "content": [{"type": kind, kind: {}}]}]);
    for (more, param) in [
        (json!({"temperature": 2.5}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": -0.1}), "top_p"),
        (json!({"n": 0}), "n"),
        (json!({"n": 1_000_000}), "n"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_tokens": -1}), "max_tokens"),
        (json!({"max_tokens": 1.5}), "max_tokens"),
        (json!({"max_tokens": 9_223_372_036_854_775_807_i64}), "max_tokens"),
        (json!({"max_tokens": 3, "max_completion_tokens": 4}), "max_tokens"),
        (json!({"max_tokens": 3, "min_tokens": 4}), "min_tokens"),
        (json!({"top_logprobs": 3}), "top_logprobs"),
        (json!({"logprobs": true, "top_logprobs": 21}), "top_logprobs"),
        (json!({"logprobs": 3}), "logprobs"),
        (json!({"logit_bias": {"a": 1}}), "logit_bias"),
        (json!({"logit_bias": {"1": 101}}), "logit_bias"),
        (json!({"logit_bias": {"-1": 1}}), "logit_bias"),
        (json!({"stop": [""]}), "stop"),
        (json!({"stop": vec!["x"; 17]}), "stop"),
        (json!({"stop": 5}), "stop"),
        (json!({"seed": 0.5}), "seed"),
        (json!({"audio": {"voice": "x"}}), "audio"),
        (json!({"modalities": ["audio"]}), "modalities"),
        (json!({"prediction": {}}), "prediction"),
        (json!({"store": true}), "store"),
        (json!({"verbosity": "high"}), "verbosity"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"service_tier": "flex"}), "service_tier"),
        (json!({"functions": []}), "functions"),
        (json!({"function_call": "auto"}), "function_call"),
        (json!({"frobnicate": 1}), "frobnicate"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options"),
        (
            json!({"stream": true, "stream_options": {"include_obfuscation": true}}),
            "stream_options.include_obfuscation",
        ),
        (json!({"chat_template": "x"}), "chat_template"),
        (json!({"chat_template_kwargs": {"messages": []}}), "chat_template_kwargs.messages"),
        (json!({"messages": []}), "messages"),
        (json!({"messages": null}), "messages"),
        (json!({"messages": [{"role": "king", "content": "x"}]}), "messages[0].role"),
        (json!({"messages": [{"role": "user"}]}), "messages[0].content"),
        (json!({"messages": [{"role": "user", "content": "x", "mood": 1}]}), "messages[0].mood"),
        (json!({"messages": [{"role": "tool", "content": "x"}]}), "messages[0].tool_call_id"),
        (json!({"messages": part("image_url")}), "messages[0].content[0].type"),
        (json!({"messages": part("input_audio")}), "messages[0].content[0].type"),
        (json!({"messages": part("file")}), "messages[0].content[0].type"),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "x"}}]}]}),
            "messages[0].tool_calls[0].function.arguments",
        ),
        (json!({"tools": [{"type": "retrieval"}]}), "tools[0].type"),
        (json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}), "tools[0].function.name"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (json!({"tool_choice": "maybe"}), "tool_choice"),
        (json!({"response_format": {"type": "xml"}}), "response_format.type"),
        (json!({"response_format": {"type": "json_schema"}}), "response_format.json_schema"),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}}),
            "response_format.json_schema.name",
        ),
        (json!({"response_format": {"type": "json_object"}, "guided_regex": "x"}), "guided_json"),
        (json!({"structured_outputs": {"choice": []}}), "structured_outputs.choice"),
        (json!({"model": 3}), "model"),
    ] {
        let reply = language.chat(more.clone()).await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status, &error["param"]), (400, &json!(param)), "{more}: {}", reply.body);
        assert_eq!(error["type"], "invalid_request_error", "{more}");
        let named = format!("`{param}`");
        assert!(error["message"].as_str().unwrap().contains(&named), "{more}: {error}");
    }
    assert!(language.model.request().is_none(), "none of them reached the model");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_their_status_and_say_when_to_come_again() {
    let language = Language::answering(&["a"]).await;
    let reply = language.chat(json!({"model": "nobody"})).await;
    let error = reply.json()["error"].clone();
    assert_eq!(
        (reply.status, &error["code"], &error["param"]),
        (404, &json!("model_not_found"), &json!("model"))
    );
    let long = "x".repeat(5000);
    let reply = language.chat(json!({"messages": [{"role": "user", "content": long}]})).await;
    let error = reply.json()["error"].clone();
    assert_eq!(
        (reply.status, &error["code"], &error["param"]),
        (400, &json!("context_length_exceeded"), &json!("messages"))
    );
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .starts_with("This model's maximum context length is 4096 tokens. However, ")
    );
    let full =
        ServiceError::new(ErrorCode::QuotaExceeded, "too many").with_retry_after(Duration::from_millis(250));
    language.models.fail(Some(full));
    for stream in [false, true] {
        let reply = language.chat(json!({"stream": stream})).await;
        assert_eq!(
            (reply.status, reply.header("retry-after"), reply.header("retry-after-ms")),
            (429, Some("1"), Some("250"))
        );
        assert_eq!(reply.json()["error"]["code"], "rate_limit_exceeded");
    }
    language.models.fail(Some(ServiceError::new(ErrorCode::Unavailable, "loading")));
    assert_eq!(language.chat(json!({})).await.status, 503);
    for body in ["", "[]", "{", "{\"model\": \"base\", \"x\": NaN}", &"[".repeat(10_000)] {
        assert_eq!(language.call("POST", "/v1/chat/completions", "", body).await.status, 400, "{body}");
    }
    assert_eq!(language.call("GET", "/v1/chat/completions", "", "").await.status, 405);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_have_names() {
    let language = Language::answering(&["a"]).await;
    let call = async |headers: &str| {
        let reply =
            language.call("POST", "/v1/chat/completions", headers, &chat(json!({})).to_string()).await;
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(call("x-request-id: mine-1\r\n").await, "mine-1");
    assert!(call("x-request-id: not mine\r\n").await.starts_with("req_"));
    assert!(call("").await.starts_with("req_"));
    let reply = language.chat(json!({"n": 0})).await;
    assert!(reply.header("x-request-id").unwrap().starts_with("req_"), "errors too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choices_end_for_their_reasons() {
    let language = Language::answering(&[]).await;
    for (finish, expected) in
        [(Finish::End, "stop"), (Finish::StopString("x".into()), "stop"), (Finish::Length, "length")]
    {
        language.model.answer(&["a"], finish);
        assert_eq!(language.chat(json!({})).await.json()["choices"][0]["finish_reason"], expected);
    }
    let call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    language.model.answer(&[call], Finish::End);
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let document = language.chat(json!({"tools": tools, "tool_choice": "auto"})).await.json();
    let message = &document["choices"][0]["message"];
    assert_eq!(
        (&document["choices"][0]["finish_reason"], &message["content"]),
        (&json!("tool_calls"), &Value::Null)
    );
    let call = &message["tool_calls"][0];
    assert!(call["id"].as_str().unwrap().starts_with("call_"));
    assert_eq!(call["function"], json!({"name": "f", "arguments": "{\"a\": 1}"}));
    let request = language.model.request();
    assert!(request.is_some());
    let _ = language.chat(json!({"tools": tools, "tool_choice": "required"})).await;
    let requests: Vec<_> = std::iter::from_fn(|| language.model.request()).collect();
    assert!(matches!(requests.last().unwrap().constraint, Some(Constraint::Grammar(_))));
    let form = json!({"type": "json_object"});
    let _ = language.chat(json!({"tools": tools, "response_format": form})).await;
    let Some(Constraint::Grammar(grammar)) = language.model.request().unwrap().constraint else {
        panic!("no grammar")
    };
    assert!(grammar.starts_with("start: calls | answer\n"), "{grammar}");
    let reply = language.chat(json!({"tools": tools, "guided_regex": "a+"})).await;
    assert_eq!((reply.status, &reply.json()["error"]["param"]), (400, &json!("guided_json")));
}
