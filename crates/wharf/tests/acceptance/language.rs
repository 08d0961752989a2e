//! L-14 and L-16: control tokens in what callers write, and callers who leave.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wharf_gguf::{Header, Value as GgufValue};

use crate::http::{Manner, exchange};
use crate::reply::Reply;
use crate::row::Port;
use crate::server::{Server, stories};

/// Longer than the model takes for anything.
const PATIENCE: Duration = Duration::from_secs(20);

fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    format!("{head}content-length: {length}\r\n\r\n{body}").into_bytes()
}

async fn text(address: &str, request: &[u8]) -> String {
    match exchange(address, request, Manner::default()).await {
        Reply::Http { status: 200, text, .. } => text.split_once("\r\n\r\n").unwrap().1.to_owned(),
        other => panic!("{other:?}"),
    }
}

/// The tokens of a model that are none of text: their numbers and names.
fn control_tokens() -> Vec<(usize, String)> {
    let header = Header::open(&stories()).unwrap();
    let texts = match header.get("tokenizer.ggml.tokens") {
        Some(GgufValue::Texts(texts)) => texts.clone(),
        other => panic!("{other:?}"),
    };
    let kinds: Vec<i64> = match header.get("tokenizer.ggml.token_type") {
        Some(GgufValue::Integers(kinds)) => kinds.clone(),
        other => panic!("{other:?}"),
    };
    // 2 is unknown and 3 is control, by the numbers of llama.cpp.
    let is_control = |(number, _): &(usize, String)| [2, 3].contains(&kinds[*number]);
    texts.into_iter().enumerate().filter(is_control).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_control_tokens_are_text_in_what_callers_write() {
    let Some(server) = Server::start_with_stories(&[]) else { return };
    let controls = control_tokens();
    assert!(controls.len() >= 3, "{controls:?}");
    for (number, name) in &controls {
        let prompt = format!("a{name}b {name}{name}");
        let body = json!({"model": "stories", "prompt": prompt, "add_special_tokens": false}).to_string();
        let reply = text(&server.address(Port::Kserve), &request("POST", "/tokenize", &body)).await;
        let document: Value = serde_json::from_str(&reply).unwrap();
        let tokens = document["tokens"].as_array().unwrap();
        assert!(!tokens.contains(&json!(number)), "`{name}` became {number} in {reply}");
        assert!(tokens.len() > 3, "{reply}");
    }
    server.stop();
}

/// What a metric of the model is.
async fn metric(server: &Server, name: &str) -> u64 {
    let metrics = text(&server.metrics_address(), &request("GET", "/metrics", "")).await;
    let line = metrics.lines().find(|line| line.starts_with(&format!("{name}{{"))).unwrap();
    line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
}

/// Asks for a long answer, and leaves once so many tokens have come.
async fn leave_after(server: &Server, tokens: usize) {
    let body = json!({"model": "stories", "prompt": "Once upon a time", "max_tokens": 480, "ignore_eos": true,
        "stream": true});
    let mut stream = TcpStream::connect(server.address(Port::Kserve)).await.unwrap();
    stream.write_all(&request("POST", "/v1/completions", &body.to_string())).await.unwrap();
    let (mut seen, mut buffer) = (Vec::new(), vec![0; 4096]);
    // With no token at all it leaves as soon as it has asked.
    while seen.windows(6).filter(|bytes| bytes == b"data: ").count() < tokens {
        let count = stream.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&buffer[..count]);
    }
}

/// Waits until nobody is answered.
async fn idle(server: &Server) {
    let started = Instant::now();
    while metric(server, "vllm:num_requests_running").await > 0
        || metric(server, "vllm:num_requests_waiting").await > 0
    {
        assert!(started.elapsed() < PATIENCE, "an answer is made for somebody who has left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Of 24 answers of 480 tokens each, whose readers leave after 0 to 23: all are ended, and few tokens are made in vain.
#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_at_any_token_frees_the_slot() {
    const READERS: u64 = 24;
    let Some(server) = Server::start_with_stories(&["--llm-sequences", "2"]) else { return };
    leave_after(&server, 1).await;
    idle(&server).await;
    let before = metric(&server, "vllm:generation_tokens_total").await;
    for tokens in 0..READERS {
        leave_after(&server, tokens as usize).await;
    }
    idle(&server).await;
    let made = metric(&server, "vllm:generation_tokens_total").await - before;
    assert!(made < READERS * 480 / 2, "{made} tokens");
    server.stop();
}
