//! Ollama's interface.

use serde_json::{Value, json};
use wharf_infer::language::{Constraint, Finish};

use super::Language;

fn lines(body: &str) -> Vec<Value> {
    body.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

fn chat(more: Value) -> Value {
    let mut body = json!({"model": "base:latest", "messages": [{"role": "user", "content": "hello"}]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chats_and_texts_come_line_by_line() {
    let language = Language::answering(&["Hel", "lo"]).await;
    let reply = language.post("/api/chat", &chat(json!({}))).await;
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/x-ndjson")),
        "{}",
        reply.body
    );
    let found = lines(&reply.body);
    let said: Vec<&Value> = found.iter().map(|line| &line["message"]["content"]).collect();
    assert_eq!(said, [&json!("Hel"), &json!("lo"), &json!("")]);
    let last = found.last().unwrap();
    assert_eq!(
        (&last["done"], &last["done_reason"], &last["eval_count"]),
        (&json!(true), &json!("stop"), &json!(2))
    );
    assert!(
        ["total_duration", "load_duration", "prompt_eval_duration", "eval_duration", "prompt_eval_count"]
            .iter()
            .all(|name| last[name].is_u64())
    );
    assert!(found[..2].iter().all(|line| line["done"] == false && line["model"] == "base:latest"));
    let body = json!({"model": "base", "prompt": "hi", "system": "be brief", "stream": false, "options": {"num_predict": 1, "temperature": 0, "stop": ["x"]}});
    let whole = language.post("/api/generate", &body).await.json();
    assert_eq!(
        (&whole["response"], &whole["done"], &whole["done_reason"]),
        (&json!("Hel"), &json!(true), &json!("length"))
    );
    let requests: Vec<_> = std::iter::from_fn(|| language.model.request()).collect();
    assert_eq!(
        (requests[0].sampling.temperature, requests[0].sampling.top_k, requests[0].max_tokens),
        (0.8, 40, None)
    );
    assert_eq!((requests[1].sampling.temperature, requests[1].max_tokens), (0.0, Some(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_come_whole_and_forms_are_kept() {
    let call = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";
    let language = Language::answering(&[&call[..40], &call[40..]]).await;
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let found = lines(&language.post("/api/chat", &chat(json!({"tools": tools}))).await.body);
    assert_eq!(
        found[0]["message"]["tool_calls"],
        json!([{"function": {"name": "f", "arguments": {"a": 1}}}])
    );
    let history = json!([
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "7", "tool_name": "f"},
    ]);
    assert_eq!(
        language.post("/api/chat", &chat(json!({"messages": history, "stream": false}))).await.status,
        200
    );
    language.model.answer(&["{}"], Finish::End);
    while language.model.request().is_some() {}
    for (format, expected) in [
        (json!("json"), Constraint::JsonObject),
        (json!({"type": "object"}), Constraint::JsonSchema("{\"type\":\"object\"}".into())),
    ] {
        let _ = language.post("/api/chat", &chat(json!({"format": format}))).await;
        assert_eq!(language.model.request().unwrap().constraint, Some(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_listed_shown_loaded_and_unloaded() {
    let language = Language::answering(&[]).await;
    let tags = language.call("GET", "/api/tags", "", "").await.json();
    assert_eq!(
        (&tags["models"][0]["name"], &tags["models"][0]["details"]["format"]),
        (&json!("base"), &json!("gguf"))
    );
    assert_eq!(language.call("GET", "/api/ps", "", "").await.json()["models"].as_array().unwrap().len(), 2);
    assert_eq!(language.call("GET", "/", "", "").await.body, "Ollama is running");
    assert!(language.call("GET", "/api/version", "", "").await.json()["version"].is_string());
    let shown = language.post("/api/show", &json!({"model": "base:latest"})).await.json();
    assert_eq!(
        (&shown["model_info"]["fake.context_length"], &shown["capabilities"][0]),
        (&json!(4096), &json!("completion"))
    );
    for (body, reason) in
        [(json!({"model": "base"}), "load"), (json!({"model": "base", "keep_alive": 0}), "unload")]
    {
        assert_eq!(language.post("/api/generate", &body).await.json()["done_reason"], reason);
    }
    let vectors = language.post("/api/embed", &json!({"model": "base", "input": ["a", "bc"]})).await.json();
    assert_eq!(
        (vectors["embeddings"].as_array().unwrap().len(), &vectors["prompt_eval_count"]),
        (2, &json!(3))
    );
    let vector = language.post("/api/embeddings", &json!({"model": "base", "prompt": "a"})).await.json();
    assert_eq!(vector["embedding"].as_array().unwrap().len(), 4);
    assert_eq!(language.call("DELETE", "/api/delete", "", "{\"model\": \"base:poet\"}").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_done_is_refused_by_its_name() {
    let language = Language::answering(&["a"]).await;
    for (path, body, status, text) in [
        ("/api/chat", chat(json!({"options": {"num_ctx": 9}})), 400, "`options.num_ctx`"),
        ("/api/chat", chat(json!({"options": {"mirostat": 1}})), 400, "`options.mirostat`"),
        ("/api/chat", chat(json!({"keep_alive": "5m"})), 400, "`keep_alive`"),
        ("/api/chat", chat(json!({"think": true})), 400, "`think`"),
        (
            "/api/chat",
            chat(json!({"messages": [{"role": "user", "content": "x", "images": ["x"]}]})),
            400,
            "`messages[0].images`",
        ),
        ("/api/generate", json!({"model": "base", "prompt": "x", "raw": true}), 400, "`raw`"),
        ("/api/generate", json!({"model": "none", "prompt": "x"}), 404, "`none`"),
        ("/api/show", json!({"model": "none"}), 404, "'none'"),
        ("/api/pull", json!({"model": "none"}), 501, "`wharf pull`"),
        ("/api/nothing", json!({}), 404, "not found"),
        ("/api/tags", json!({}), 405, "method"),
    ] {
        let reply = language.post(path, &body).await;
        assert_eq!(reply.status, status, "{path} {body}: {}", reply.body);
        assert!(reply.json()["error"].as_str().unwrap().contains(text), "{path} {body}: {}", reply.body);
    }
}
