//! Models that come and are copied by Ollama's interface.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wharf_infer::language::Answered;
use wharf_infer::{ErrorCode, ServiceError};

use super::Language;
use crate::{ModelStore, PullReport, PullStep};

/// A store that has the model `good`; the download of `late` breaks off, and that of `endless` goes on while somebody
/// listens.
#[derive(Debug, Default)]
struct Store {
    has_ended: Arc<AtomicBool>,
}

impl ModelStore for Store {
    fn pull(self: Arc<Self>, address: String, mut report: PullReport) -> Answered<'static, ()> {
        Box::pin(async move {
            let step = |done| PullStep {
                status: "pulling abc".to_owned(),
                sha256: Some("abc".to_owned()),
                total_bytes: Some(10),
                done_bytes: Some(done),
            };
            match address.as_str() {
                "good" | "late" | "endless" => {}
                "elsewhere" => {
                    return Err(ServiceError::new(
                        ErrorCode::PermissionDenied,
                        "`elsewhere` is not among the hosts",
                    ));
                }
                _ => return Err(ServiceError::new(ErrorCode::NotFound, "there is no such model")),
            }
            let has_ended = Arc::clone(&self.has_ended);
            let is_endless = address == "endless";
            let work = tokio::task::spawn_blocking(move || {
                report(PullStep::new("pulling manifest"));
                report(step(5));
                while is_endless && report(step(6)) {}
                report(step(10));
                has_ended.store(true, Ordering::SeqCst);
            });
            work.await.unwrap();
            match address.as_str() {
                "late" => Err(ServiceError::new(ErrorCode::Unavailable, "the connection ended early")),
                _ => Ok(()),
            }
        })
    }

    fn copy(self: Arc<Self>, source: String, destination: String) -> Answered<'static, ()> {
        Box::pin(async move {
            match (source.as_str(), destination.as_str()) {
                ("good", "other") => Ok(()),
                _ => Err(ServiceError::new(ErrorCode::NotFound, "there is no such model")),
            }
        })
    }
}

fn lines(body: &str) -> Vec<Value> {
    body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_says_how_far_it_is() {
    let language = Language::with_store(Arc::new(Store::default())).await;
    let reply = language.post("/api/pull", &json!({"model": "good"})).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
    assert_eq!(
        lines(&reply.body),
        [
            json!({"status": "pulling manifest"}),
            json!({"status": "pulling abc", "digest": "sha256:abc", "total": 10, "completed": 5}),
            json!({"status": "pulling abc", "digest": "sha256:abc", "total": 10, "completed": 10}),
            json!({"status": "success"}),
        ]
    );
    let reply =
        language.post("/api/pull", &json!({"name": "good", "stream": false, "insecure": false})).await;
    assert_eq!(reply.json(), json!({"status": "success"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_fails_says_why() {
    let language = Language::with_store(Arc::new(Store::default())).await;
    for (body, status, text) in [
        (json!({"model": "elsewhere"}), 403, "not among the hosts"),
        (json!({"model": "elsewhere", "stream": false}), 403, "not among the hosts"),
        (json!({"model": "nobody"}), 404, "no such model"),
        (json!({"model": "late", "stream": false}), 503, "ended early"),
        (json!({"model": ""}), 400, "`model`"),
        (json!({"model": 3}), 400, "`model`"),
        (json!({"model": "good", "insecure": true}), 400, "`insecure`"),
        (json!({"model": "good", "stream": "yes"}), 400, "`stream`"),
        (json!({"model": "good", "url": "x"}), 400, "`url`"),
        (json!({}), 400, "`model`"),
    ] {
        let reply = language.post("/api/pull", &body).await;
        assert_eq!(reply.status, status, "{body}: {}", reply.body);
        assert!(reply.json()["error"].as_str().unwrap().contains(text), "{body}: {}", reply.body);
    }
    let reply = language.post("/api/pull", &json!({"model": "late"})).await;
    assert_eq!(
        (reply.status, lines(&reply.body).pop().unwrap()),
        (200, json!({"error": "the connection ended early"}))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_leaves_ends_the_download() {
    let store = Arc::new(Store::default());
    let language = Language::with_store(Arc::clone(&store) as _).await;
    let mut stream = TcpStream::connect(language.address()).await.unwrap();
    let body = r#"{"model": "endless"}"#;
    let head = format!("POST /api/pull HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
    drop(stream);
    while !store.has_ended.load(Ordering::SeqCst) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_copied() {
    let language = Language::with_store(Arc::new(Store::default())).await;
    let names = |source: &str, destination: &str| json!({"source": source, "destination": destination});
    assert_eq!(language.post("/api/copy", &names("good:latest", "other")).await.status, 200);
    assert_eq!(language.post("/api/copy", &names("nobody", "other")).await.status, 404);
    assert_eq!(language.post("/api/copy", &json!({"source": "good"})).await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_adds_models_unless_the_operator_lets_them() {
    let language = Language::answering(&["a"]).await;
    for (path, body) in [
        ("/api/pull", json!({"model": "hf.co/owner/name"})),
        ("/api/copy", json!({"source": "base", "destination": "other"})),
        ("/api/create", json!({"model": "x", "from": "base"})),
        ("/api/push", json!({"model": "base"})),
    ] {
        let reply = language.post(path, &body).await;
        assert_eq!(reply.status, 501, "{path}: {}", reply.body);
        assert!(reply.json()["error"].as_str().unwrap().contains("`wharf pull`"), "{path}: {}", reply.body);
    }
}
