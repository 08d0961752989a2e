//! Traffic between versions, asked and changed over HTTP.

use std::sync::Arc;

use prost::Message as _;
use serde_json::{Value, json};
use wharf_testing::FakeEngine;

use super::{Server, exchange, predict, status_of};
use crate::Limits;

const PATH: &str = "/admin/v1/models/m/traffic";

/// A server of versions 3, which it started with, and 4, which it has not loaded.
async fn server() -> Server {
    let server = Server::start(&FakeEngine::free_running(), Limits::default()).await;
    server.put(4);
    server
}

async fn call(server: &Server, method: &str, path: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let reply = exchange(server.handle.addresses().http.unwrap(), request.as_bytes()).await;
    let (_, document) = reply.split_once("\r\n\r\n").unwrap();
    (status_of(&reply), serde_json::from_str(document).unwrap_or_else(|_| panic!("no JSON: {reply}")))
}

async fn versions(server: &Server, count: usize) -> [usize; 2] {
    let mut answers = [0, 0];
    for _ in 0..count {
        let reply = exchange(server.rest(), &predict(r#"{"instances":[1.0]}"#)).await;
        assert_eq!(status_of(&reply), 200, "{reply}");
    }
    let (_, document) = call(server, "GET", PATH, "").await;
    for version in document["versions"].as_array().unwrap() {
        let place = usize::try_from(version["version"].as_u64().unwrap() - 3).unwrap();
        answers[place] = usize::try_from(version["requests"].as_u64().unwrap()).unwrap();
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_is_spread_promoted_and_given_back() {
    let server = server().await;
    let (status, document) = call(&server, "GET", PATH, "").await;
    assert_eq!((status, &document["traffic"], &document["model"]), (200, &Value::Null, &json!("m")));
    assert_eq!(versions(&server, 4).await, [4, 0]);
    let wanted = json!({"weights": {"3": 50, "4": 50}, "sticky_header": null, "shadow": null, "rollback": {"max_error_rate": 0.5, "max_p99_ms": null, "window": 100}});
    let (status, document) = call(&server, "PUT", PATH, &wanted.to_string()).await;
    assert_eq!((status, &document["traffic"]), (200, &wanted), "{document}");
    assert_eq!(document["versions"][0]["state"], "AVAILABLE", "version 4 has been loaded: {document}");
    assert_eq!(versions(&server, 20).await, [14, 10]);
    let (status, document) = call(&server, "POST", "/admin/v1/models/m/promote", "").await;
    assert_eq!(
        (status, &document["promoted"], &document["traffic"]["weights"]),
        (200, &json!(4), &json!({"4": 1}))
    );
    assert_eq!(versions(&server, 5).await, [14, 15]);
    let (status, document) = call(&server, "POST", "/admin/v1/models/m:promote", r#"{"version": 3}"#).await;
    assert_eq!((status, &document["traffic"]["weights"]), (200, &json!({"3": 1})));
    assert_eq!(versions(&server, 5).await, [19, 15]);
    let (status, document) = call(&server, "DELETE", PATH, "").await;
    assert_eq!((status, &document["traffic"]), (200, &Value::Null));
    assert_eq!(versions(&server, 5).await[1], 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_named() {
    let server = server().await;
    for (method, path, body, status, text) in [
        ("GET", "/admin/v1/models/x/traffic", "", 404, "Could not find any versions of model x"),
        (
            "PUT",
            "/admin/v1/models/x/traffic",
            r#"{"weights": {"1": 1}}"#,
            404,
            "Could not find any versions of model x",
        ),
        ("DELETE", "/admin/v1/models/x/traffic", "", 404, "Could not find any versions of model x"),
        ("POST", "/admin/v1/models/x/promote", "", 404, "Could not find any versions of model x"),
        (
            "POST",
            "/admin/v1/models/x/promote",
            r#"{"version": 1}"#,
            404,
            "Could not find any versions of model x",
        ),
        ("POST", PATH, "", 405, "Method Not Allowed"),
        ("GET", "/admin/v1/models/m/promote", "", 405, "Method Not Allowed"),
        ("GET", "/admin/v1/models/m", "", 404, "Not Found"),
        (
            "PUT",
            PATH,
            "{}",
            400,
            "field `weights` is missing, expected an object of versions and their parts",
        ),
        ("PUT", PATH, r#"{"weights": {"3": 0}}"#, 400, "`weights` gives no version a part of the requests"),
        (
            "PUT",
            PATH,
            r#"{"weights": {"3": 1, "9": 1}}"#,
            400,
            "`weights` names version 9 of model `m`, expected one that is there: 3, 4",
        ),
        (
            "POST",
            "/admin/v1/models/m/promote",
            "",
            400,
            "failed to promote 'm', no version of it has the smaller part of the requests",
        ),
        (
            "POST",
            "/admin/v1/models/m/promote",
            r#"{"version": 9}"#,
            400,
            "failed to promote 'm', version 9 is not available",
        ),
        ("POST", "/admin/v1/models/m/promote", r#"{"to": 4}"#, 400, "field `to` is not known"),
    ] {
        let (found, document) = call(&server, method, path, body).await;
        assert_eq!((found, document["error"].as_str()), (status, Some(text)), "{method} {path} {body}");
    }
    assert_eq!(versions(&server, 3).await, [3, 0], "nothing has changed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_fails_is_rolled_back_and_says_so() {
    let engine = FakeEngine::stepped();
    let server = Server::start(&engine, Limits::default()).await;
    server.put(4);
    let wanted = json!({"weights": {"3": 90, "4": 10}, "rollback": {"max_error_rate": 0.1, "window": 10}});
    assert_eq!(call(&server, "PUT", PATH, &wanted.to_string()).await.0, 200);
    for _ in 0..2 {
        let address = server.rest();
        let request = super::post("/v1/models/m/versions/4:predict", "", r#"{"instances":[1.0]}"#);
        let sent = super::spawn(async move { exchange(address, &request).await });
        let engine = Arc::clone(&engine);
        tokio::task::spawn_blocking(move || engine.next_run().panic()).await.unwrap();
        assert_eq!(status_of(&sent.await.unwrap()), 500);
    }
    let (_, document) = call(&server, "GET", PATH, "").await;
    assert_eq!(document["traffic"]["weights"], json!({"3": 90, "4": 0}));
    let canary = &document["versions"][0];
    assert_eq!((&canary["rolled_back"], &canary["failures"]), (&json!(true), &json!(2)), "{document}");
    let reason = "rolled back: 2 of 10 requests failed, expected 10 % at most";
    assert_eq!(canary["error"], reason);
    let metrics =
        exchange(server.metrics(), b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    for line in [
        "wharf_rollbacks_total{model=\"m\"} 1",
        "wharf_traffic_weight{model=\"m\",version=\"3\"} 90",
        "wharf_traffic_weight{model=\"m\",version=\"4\"} 0",
    ] {
        assert!(metrics.contains(line), "no `{line}` in {metrics}");
    }
    assert_eq!(call(&server, "PUT", PATH, &wanted.to_string()).await.0, 200);
    let (_, document) = call(&server, "GET", PATH, "").await;
    assert_eq!(document["versions"][0]["rolled_back"], false, "it is tried again: {document}");
}

#[tokio::test]
async fn without_the_interface_its_paths_are_not_there() {
    let config = crate::ApiConfig { admin: false, ..crate::ApiConfig::default() };
    let server = Server::configured(&FakeEngine::free_running(), config).await;
    assert_eq!(call(&server, "GET", PATH, "").await.0, 404);
    let (_, document) = call(&server, "GET", "/openapi.json", "").await;
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.keys().all(|path| !path.starts_with("/admin/")), "{paths:?}");
}

/// The version that answers a user, wire by wire.
async fn versions_of(server: &Server, user: &str) -> Vec<u64> {
    let header = format!("X-User: {user}\r\n");
    let addresses = server.handle.addresses();
    let infer = r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1.0]}]}"#;
    let mut versions = Vec::new();
    for address in [addresses.oip_rest.unwrap(), addresses.http.unwrap()] {
        let reply = exchange(address, &super::post("/v2/models/m/infer", &header, infer)).await;
        let (_, document) = reply.split_once("\r\n\r\n").unwrap();
        let document: Value = serde_json::from_str(document).unwrap();
        versions.push(document["model_version"].as_str().unwrap().parse().unwrap());
    }
    let metadata = [("x-user", user)];
    let message = super::grpc::framed(&super::grpc::predict_message(vec![1.0]));
    let reply = super::grpc::call(server.grpc(), super::grpc::PREDICT, &metadata, message).await;
    let reply = crate::proto::tensorflow::serving::PredictResponse::decode(reply.message).unwrap();
    match reply.model_spec.unwrap().version_choice {
        Some(crate::proto::tensorflow::serving::model_spec::VersionChoice::Version(version)) => {
            versions.push(version.unsigned_abs());
        }
        other => panic!("no version: {other:?}"),
    }
    for (address, path) in [
        (server.rest(), "/v1/models/m:predict"),
        (addresses.http.unwrap(), "/v1/models/m:predict"),
        (server.rest(), "/v1/models/m:predict"),
    ] {
        // These replies do not say which version gave them: it is the one that has had one more.
        let before = self::versions(server, 0).await;
        // The last is so large that it is read on another thread.
        let count = if versions.len() == 5 { 100_000 } else { 1 };
        let body = format!("{{\"instances\":[1.0{}]}}", ",1.0".repeat(count - 1));
        assert_eq!(status_of(&exchange(address, &super::post(path, &header, &body)).await), 200);
        let after = self::versions(server, 0).await;
        versions.push(3 + u64::from(after[1] > before[1]));
    }
    versions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_keeps_a_user_with_a_version_on_every_wire() {
    let server = server().await;
    let wanted = json!({"weights": {"3": 50, "4": 50}, "sticky_header": "X-User"});
    let (_, document) = call(&server, "PUT", PATH, &wanted.to_string()).await;
    assert_eq!(document["traffic"]["sticky_header"], "x-user");
    let mut seen = std::collections::BTreeSet::new();
    for number in 0..8 {
        let versions = versions_of(&server, &format!("user-{number}")).await;
        assert!(versions.iter().all(|version| *version == versions[0]), "user {number}: {versions:?}");
        seen.insert(versions[0]);
    }
    assert_eq!(seen, [3, 4].into(), "eight users have both");
}
