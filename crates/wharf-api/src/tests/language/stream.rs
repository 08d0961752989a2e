//! Chats that are answered while the answer is made.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wharf_infer::language::{Finish, GenerateEvent, Usage};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_testing::FakeLanguage;

use super::super::{PATIENCE, post, spawn};
use super::{Language, chat};

fn deltas(events: &[Value]) -> Vec<(u64, Value)> {
    let of =
        |event: &Value| Some((event["choices"][0]["index"].as_u64()?, event["choices"][0]["delta"].clone()));
    events.iter().filter_map(of).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_come_as_clients_take_them_apart() {
    let language = Language::answering(&["Hel", "lö"]).await;
    let reply = language.chat(json!({"stream": true, "stream_options": {"include_usage": true}})).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/event-stream")));
    assert!(
        reply.body.starts_with("data: {") && reply.body.ends_with("\n\ndata: [DONE]\n\n"),
        "{}",
        reply.body
    );
    let events = reply.events();
    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(*last, "[DONE]");
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["id"] == chunks[0]["id"] && chunk["object"] == "chat.completion.chunk")
    );
    assert_eq!(
        deltas(chunks),
        [
            (0, json!({"role": "assistant", "content": ""})),
            (0, json!({"content": "Hel"})),
            (0, json!({"content": "lö"})),
            (0, json!({})),
        ]
    );
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
    let (usage, others) = chunks.split_last().unwrap();
    assert_eq!((&usage["choices"], &usage["usage"]["completion_tokens"]), (&json!([]), &json!(2)));
    assert!(
        others
            .iter()
            .all(|chunk| chunk.as_object().unwrap().contains_key("usage") && chunk["usage"].is_null())
    );
    let without = language.chat(json!({"stream": true})).await.events();
    assert!(without.iter().all(|chunk| chunk.get("usage").is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn choices_first_appear_in_order_with_their_role() {
    let language = Language::answering(&["a"]).await;
    let events = language.chat(json!({"stream": true, "n": 3, "logprobs": true})).await.events();
    let role = json!({"role": "assistant", "content": ""});
    let deltas = deltas(&events);
    assert_eq!(deltas[..3], [(0, role.clone()), (1, role.clone()), (2, role.clone())]);
    assert!(deltas[3..].iter().all(|(_, delta)| delta.get("role").is_none()));
    let token = &events[3]["choices"][0]["logprobs"]["content"][0]["token"];
    assert_eq!(token, "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_come_with_contiguous_indexes() {
    let call = |letter: &str| {
        format!("<tool_call>{{\"name\": \"f\", \"arguments\": {{\"a\": \"{letter}\"}}}}</tool_call>")
    };
    let (one, two) = (call("x"), call("y"));
    let text = format!("look {one}{two}");
    let letters: Vec<String> = text.chars().map(String::from).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let language = Language::answering(&letters).await;
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let events = language.chat(json!({"stream": true, "tools": tools})).await.events();
    let mut said = String::new();
    let mut calls: Vec<(Value, String)> = Vec::new();
    for (_, delta) in deltas(&events) {
        said.push_str(delta["content"].as_str().unwrap_or_default());
        let Some(call) = delta["tool_calls"].get(0) else { continue };
        let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
        if call["id"].is_string() {
            assert_eq!(
                (index, &call["type"], &call["function"]["arguments"]),
                (calls.len(), &json!("function"), &json!(""))
            );
            calls.push((call["function"]["name"].clone(), String::new()));
        } else {
            calls[index].1.push_str(call["function"]["arguments"].as_str().unwrap());
        }
    }
    assert_eq!(said, "look");
    assert_eq!(calls, [(json!("f"), "{\"a\": \"x\"}".into()), (json!("f"), "{\"a\": \"y\"}".into())]);
    let reasons: Vec<&Value> = events
        .iter()
        .map(|event| &event["choices"][0]["finish_reason"])
        .filter(|reason| reason.is_string())
        .collect();
    assert_eq!(reasons, [&json!("tool_calls")]);
    let whole = language.chat(json!({"tools": tools, "parallel_tool_calls": false})).await.json();
    assert_eq!(whole["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), 1);
}

/// Sends a chat to a model that the test steps, and gives the connection.
async fn begun(language: &Language) -> TcpStream {
    let mut stream = TcpStream::connect(language.address()).await.unwrap();
    let body = chat(json!({"stream": true})).to_string();
    stream.write_all(&post("/v1/chat/completions", "", &body)).await.unwrap();
    stream
}

async fn read_until(stream: &mut TcpStream, mark: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(mark) {
        let mut piece = [0; 4096];
        let count = tokio::time::timeout(PATIENCE, stream.read(&mut piece)).await.unwrap().unwrap();
        assert!(count > 0, "ended before {mark}: {}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..count]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

async fn next(language: &Language) -> wharf_testing::FakeGeneration {
    let model = std::sync::Arc::clone(&language.model);
    tokio::task::spawn_blocking(move || model.next()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_before_the_model_takes_the_request() {
    let language = Language::of(FakeLanguage::stepped()).await;
    let mut stream = begun(&language).await;
    let mut generation = next(&language).await;
    let error = ServiceError::new(ErrorCode::Overloaded, "the queue is full");
    generation.event(GenerateEvent::Failed(error));
    let reply = read_until(&mut stream, "the queue is full").await;
    assert!(reply.starts_with("HTTP/1.1 503 ") && reply.contains("retry-after: 1"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_comes_as_it_is_made_and_an_error_ends_it() {
    let language = Language::of(FakeLanguage::stepped()).await;
    let mut stream = begun(&language).await;
    let mut generation = next(&language).await;
    generation.event(GenerateEvent::Accepted { prompt_tokens: 3 });
    let head = read_until(&mut stream, "\"role\":\"assistant\"").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(generation.text("one "));
    read_until(&mut stream, "one ").await;
    assert!(generation.text("two"));
    read_until(&mut stream, "two").await;
    generation.event(GenerateEvent::Failed(ServiceError::new(ErrorCode::Unavailable, "the worker has died")));
    let end = read_until(&mut stream, "\r\n0\r\n\r\n").await;
    assert!(end.contains("data: {\"error\":{") && end.contains("the worker has died"), "{end}");
    assert!(!end.contains("[DONE]"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_takes_its_request_along() {
    let language = Language::of(FakeLanguage::stepped()).await;
    for accepted in [true, false] {
        let mut stream = begun(&language).await;
        let mut generation = next(&language).await;
        if accepted {
            generation.event(GenerateEvent::Accepted { prompt_tokens: 3 });
            read_until(&mut stream, "assistant").await;
        }
        drop(stream);
        let gone = spawn(async move {
            while !generation.is_cancelled() {
                tokio::task::yield_now().await;
            }
        });
        tokio::time::timeout(PATIENCE, gone).await.unwrap().unwrap();
    }
    assert_eq!(language.model.cancelled(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_ends_once_the_model_says_so() {
    let language = Language::of(FakeLanguage::stepped()).await;
    let mut stream = begun(&language).await;
    let mut generation = next(&language).await;
    generation.event(GenerateEvent::Accepted { prompt_tokens: 3 });
    generation.event(GenerateEvent::Finished { choice: 0, finish: Finish::Length });
    generation.event(GenerateEvent::Done(Usage::default()));
    let end = read_until(&mut stream, "[DONE]").await;
    assert!(end.contains("\"finish_reason\":\"length\""), "{end}");
}
