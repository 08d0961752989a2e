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
    run.finish();
    assert_eq!(status_of(&first.await.unwrap()), 200);
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
