//! What clients are told for whom there is no room.

use tokio::task::spawn_blocking;
use tonic::Code;

use super::grpc::{PREDICT, call, framed, predict_message};
use super::*;

const BODY: &str = "{\"instances\": [1]}";

/// A server whose only thread is busy and where nobody may wait, and what keeps it so.
async fn busy_server() -> (Server, wharf_testing::FakeRun, JoinHandle<String>) {
    let engine = FakeEngine::stepped();
    let limits = ServeLimits::default().with_workers(1).with_max_waiting(0);
    let server = Server::limited(&engine, ApiConfig::default(), limits).await;
    let address = server.rest();
    let first = spawn(async move { exchange(address, &predict(BODY)).await });
    let run = spawn_blocking(move || engine.next_run()).await.unwrap();
    (server, run, first)
}

#[tokio::test]
async fn a_refusal_says_when_to_come_again_on_every_wire() {
    let (server, run, first) = busy_server().await;
    let infer = r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}"#;
    let oip = server.handle.addresses().oip_rest.unwrap();
    for (address, path, body) in [
        (server.rest(), "/v1/models/m:predict", BODY),
        (server.rest(), "/v1/models/m/versions/3:predict", BODY),
        (oip, "/v2/models/m/infer", infer),
    ] {
        let reply = exchange(address, &post(path, "", body)).await;
        assert_eq!(status_of(&reply), 503, "{path}: {reply}");
        assert!(reply.contains("retry-after: 1\r\n") && reply.contains("too many requests wait"), "{reply}");
    }
    let reply = call(server.grpc(), PREDICT, &[], framed(&predict_message(vec![1.0]))).await;
    assert_eq!(reply.code, Code::ResourceExhausted, "{}", reply.text);
    assert!(reply.details.is_some());
    let scrape = exchange(server.metrics(), &get("/metrics")).await;
    let refused = "wharf_requests_total{model=\"m\",version=\"3\",status=\"OVERLOADED\"} 4\n";
    assert!(scrape.contains(refused), "{scrape}");
    run.finish();
    assert_eq!(status_of(&first.await.unwrap()), 200);
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn what_is_not_asked_of_a_model_is_answered_however_busy_the_models_are() {
    let (server, run, first) = busy_server().await;
    let addresses = server.handle.addresses();
    let (oip, http) = (addresses.oip_rest.unwrap(), addresses.http.unwrap());
    for (address, path) in [
        (server.rest(), "/healthz"),
        (server.rest(), "/readyz"),
        (server.metrics(), "/healthz"),
        (server.metrics(), "/metrics"),
        (server.rest(), "/monitoring/prometheus/metrics"),
        (server.rest(), "/v1/models/m"),
        (server.rest(), "/v1/models/m/metadata"),
        (oip, "/v2"),
        (oip, "/v2/health/ready"),
        (oip, "/v2/models/m"),
        (oip, "/v2/models/stats"),
        (http, "/v1/models"),
    ] {
        let reply = exchange(address, &get(path)).await;
        assert_eq!(status_of(&reply), 200, "{path}: {reply}");
    }
    let reply = call(server.grpc(), "/inference.GRPCInferenceService/ServerLive", &[], framed(&[])).await;
    assert_eq!(reply.code, Code::Ok, "{}", reply.text);
    run.finish();
    first.await.unwrap();
}

#[tokio::test]
async fn those_who_set_no_deadline_have_that_of_the_server() {
    let engine = FakeEngine::stepped();
    let timeout = Duration::from_millis(20);
    let limits = Limits { grpc_timeout: Some(timeout), ..Limits::default() };
    let config = ApiConfig { limits, rest_timeout: timeout, ..ApiConfig::default() };
    let server = Server::configured(&engine, config).await;
    // Nothing that the engine begins ever ends.
    let reply = exchange(server.rest(), &predict(BODY)).await;
    assert_eq!(status_of(&reply), 504, "{reply}");
    let reply = call(server.grpc(), PREDICT, &[], framed(&predict_message(vec![1.0]))).await;
    assert_eq!(reply.code, Code::DeadlineExceeded, "{}", reply.text);
}

/// What a gauge or a counter without labels says.
async fn scraped(server: &Server, name: &str) -> usize {
    let scrape = exchange(server.metrics(), &get("/metrics")).await;
    let line = scrape.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {scrape}")).parse().unwrap()
}

#[tokio::test]
async fn bodies_take_no_more_memory_together_than_they_may() {
    let limits = Limits { max_held_bytes: 1 << 20, ..Limits::default() };
    let server = Server::running(limits).await;
    // Most of it is taken by one that does not end.
    let head = b"POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n";
    let mut first = TcpStream::connect(server.rest()).await.unwrap();
    first.write_all(head).await.unwrap();
    first.write_all(&[b' '; 900_000]).await.unwrap();
    while scraped(&server, "wharf_request_bytes_held").await < 900_000 {
        tokio::task::yield_now().await;
    }
    let large = format!("{BODY}{}", " ".repeat(200_000));
    let infer = format!(
        "{}{}",
        r#"{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}"#,
        " ".repeat(200_000)
    );
    let oip = server.handle.addresses().oip_rest.unwrap();
    let chunked = format!(
        "POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n30d40\r\n{}",
        " ".repeat(200_000)
    );
    for (address, request) in [
        (server.rest(), predict(&large)),
        (server.rest(), chunked.into_bytes()),
        (oip, post("/v2/models/m/infer", "", &infer)),
    ] {
        let reply = exchange(address, &request).await;
        assert_eq!(status_of(&reply), 503, "{reply}");
        assert!(reply.contains("retry-after: ") && reply.contains("as much memory as they may"), "{reply}");
    }
    let message = framed(&predict_message(vec![1.0; 50_000]));
    let reply = call(server.grpc(), PREDICT, &[], message.clone()).await;
    assert_eq!(reply.code, Code::ResourceExhausted, "{}", reply.text);
    assert_eq!(status_of(&exchange(server.rest(), &predict(BODY)).await), 200, "a small one has room");
    drop(first);
    while scraped(&server, "wharf_request_bytes_held").await > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(status_of(&exchange(server.rest(), &predict(&large)).await), 200);
    assert_eq!(call(server.grpc(), PREDICT, &[], message).await.code, Code::Ok);
}

#[tokio::test]
async fn a_refusal_costs_the_connection_only_where_much_would_have_to_be_read() {
    let (server, run, first) = busy_server().await;
    let head = |length: usize| {
        format!("POST /v1/models/m:predict HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n")
    };
    let twice = format!("{}{BODY}{}", head(BODY.len()), String::from_utf8(predict(BODY)).unwrap());
    let reply = exchange(server.rest(), twice.as_bytes()).await;
    assert_eq!(reply.matches("HTTP/1.1 503").count(), 2, "{reply}");
    let reply = exchange(server.rest(), head(1 << 20).as_bytes()).await;
    assert!(status_of(&reply) == 503 && reply.contains("connection: close"), "{reply}");
    run.finish();
    first.await.unwrap();
}
