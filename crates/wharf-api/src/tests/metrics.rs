//! Metrics and probes.

use super::{Server, exchange, predict, status_of};
use crate::Limits;

fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n").into_bytes()
}

#[track_caller]
fn assert_has(reply: &str, lines: &[&str]) {
    for line in lines {
        assert!(reply.lines().any(|found| found == *line), "no line `{line}` in\n{reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_count_under_our_name_and_that_of_tensorflow_serving() {
    let server = Server::running(Limits::default()).await;
    for _ in 0..2 {
        assert_eq!(status_of(&exchange(server.rest(), &predict(r#"{"instances":[1.0]}"#)).await), 200);
    }
    assert_eq!(status_of(&exchange(server.rest(), &predict("{")).await), 400);
    let reply = exchange(server.metrics(), &get("/metrics", "")).await;
    assert_eq!(status_of(&reply), 200);
    assert_has(
        &reply,
        &[
            "content-type: text/plain; version=0.0.4; charset=utf-8",
            "wharf_api_requests_total{model=\"m\",api=\"predict\",entrypoint=\"REST\",status=\"OK\"} 2",
            "# TYPE :tensorflow:serving:request_count counter",
            ":tensorflow:serving:request_count{model_name=\"m\",status=\"OK\"} 2",
            ":tensorflow:serving:request_count{model_name=\"m\",status=\"INVALID_ARGUMENT\"} 1",
            "# TYPE :tensorflow:serving:request_latency histogram",
            ":tensorflow:serving:request_latency_count{model_name=\"m\",API=\"predict\",entrypoint=\"REST\"} 2",
            "wharf_requests_total{model=\"m\",version=\"3\",status=\"OK\"} 2",
            "nv_inference_request_success{model=\"m\",version=\"3\"} 2",
        ],
    );
    let bound = "request_latency_bucket{model_name=\"m\",API=\"predict\",entrypoint=\"REST\",le=\"18\"}";
    assert!(reply.contains(bound), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_only_clients_know_share_one_label() {
    let server = Server::running(Limits::default()).await;
    for name in ["canary-one", "canary%0Atwo"] {
        let request = super::post(&format!("/v1/models/{name}:predict"), "", r#"{"instances":[1.0]}"#);
        assert_eq!(status_of(&exchange(server.rest(), &request).await), 404);
    }
    let reply = exchange(server.metrics(), &get("/metrics", "")).await;
    assert_has(
        &reply,
        &[":tensorflow:serving:request_count{model_name=\"_unknown\",status=\"NOT_FOUND\"} 2"],
    );
    assert!(!reply.contains("canary"), "{reply}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_on_the_rest_port_where_the_configuration_puts_them() {
    let server = Server::running(Limits::default()).await;
    let reply = exchange(server.rest(), &get("/monitoring/prometheus/metrics", "")).await;
    assert!(reply.contains("wharf_requests_in_flight 0"), "{reply}");
    assert_eq!(status_of(&exchange(server.rest(), &get("/metrics", "")).await), 404);
    assert_eq!(status_of(&exchange(server.metrics(), &get("/v1/models/m", "")).await), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scrapers_that_ask_for_protobuf_get_it() {
    let server = Server::running(Limits::default()).await;
    let accept = "accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;\
        encoding=delimited;q=0.6,text/plain;q=0.3\r\n";
    let reply = exchange(server.metrics(), &get("/metrics", accept)).await;
    assert_has(&reply, &[&format!("content-type: {}", wharf_metrics::protobuf::CONTENT_TYPE)]);
    assert!(reply.contains("wharf_request_duration_seconds"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probes_answer_on_every_http_port() {
    let server = Server::running(Limits::default()).await;
    let others = [server.handle.addresses().oip_rest, server.handle.addresses().http];
    for address in [server.rest(), server.metrics()].into_iter().chain(others.into_iter().flatten()) {
        for path in ["/healthz", "/readyz"] {
            assert_eq!(status_of(&exchange(address, &get(path, "")).await), 200, "{address} {path}");
        }
    }
}
