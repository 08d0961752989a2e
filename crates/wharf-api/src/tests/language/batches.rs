//! Files and batches, in a folder that outlives the server.

use std::sync::Arc;

use serde_json::{Value, json};
use wharf_testing::{FakeEngine, FakeLanguage, FakeLanguageModels};

use super::super::{PATIENCE, Server};
use super::{Language, Reply};
use crate::ApiConfig;

async fn server(folder: &std::path::Path) -> Language {
    let model = FakeLanguage::answering(&["a"]);
    let models = FakeLanguageModels::new("base", &model);
    let mut config = ApiConfig { language_models: Some(Arc::clone(&models) as _), ..ApiConfig::default() };
    config.language_data = Some(folder.to_owned());
    let server = Server::configured(&FakeEngine::free_running(), config).await;
    Language { server, models, model }
}

async fn upload(language: &Language, purpose: &str, content: &str) -> Reply {
    let body = format!(
        "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--b\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\n\r\n{content}\r\n--b--\r\n"
    );
    language.call("POST", "/v1/files", "content-type: multipart/form-data; boundary=b\r\n", &body).await
}

fn line(name: &str, more: Value) -> String {
    json!({"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": super::chat(more)})
        .to_string()
}

async fn begin(language: &Language, content: &str) -> Value {
    let file = upload(language, "batch", content).await.json();
    let body =
        json!({"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    let reply = language.post("/v1/batches", &body).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.json()
}

/// Asks until the batch has come to its end.
async fn ended(language: &Language, batch: &Value) -> Value {
    let path = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    let ask = async {
        loop {
            let batch = language.call("GET", &path, "", "").await.json();
            if ["completed", "failed", "cancelled"].iter().any(|status| batch["status"] == *status) {
                return batch;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ask).await.unwrap()
}

async fn lines_of(language: &Language, id: &Value) -> Vec<Value> {
    let path = format!("/v1/files/{}/content", id.as_str().unwrap());
    let content = language.call("GET", &path, "", "").await.body;
    content.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_kept_listed_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let language = server(folder.path()).await;
        let file = upload(&language, "user_data", "content").await.json();
        assert_eq!(
            (&file["object"], &file["bytes"], &file["filename"]),
            (&json!("file"), &json!(7), &json!("in.jsonl"))
        );
        file["id"].as_str().unwrap().to_owned()
    };
    let language = server(folder.path()).await;
    let path = format!("/v1/files/{id}");
    assert_eq!(language.call("GET", &path, "", "").await.json()["id"], json!(id), "after a start");
    assert_eq!(language.call("GET", &format!("{path}/content"), "", "").await.body, "content");
    assert_eq!(language.call("GET", "/v1/files?purpose=batch", "", "").await.json()["data"], json!([]));
    assert_eq!(language.call("GET", "/v1/files", "", "").await.json()["data"].as_array().unwrap().len(), 1);
    assert_eq!(language.call("DELETE", &path, "", "").await.json()["deleted"], true);
    for path in [path.as_str(), "/v1/files/..%2Fx", "/v1/files/none"] {
        assert_eq!(language.call("GET", path, "", "").await.status, 404, "{path}");
    }
    assert_eq!(upload(&language, "fine-tune", "x").await.json()["error"]["param"], "purpose");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_answered_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let language = server(folder.path()).await;
    let good: Vec<String> = (0..6).map(|number| line(&format!("line-{number}"), json!({}))).collect();
    let bad = line("bad", json!({"temperature": 9}));
    let streamed = line("streamed", json!({"stream": true}));
    let batch = begin(&language, &format!("{}\n{bad}\n\n{streamed}\n", good.join("\n"))).await;
    assert_eq!((&batch["object"], &batch["status"]), (&json!("batch"), &json!("validating")));
    let batch = ended(&language, &batch).await;
    assert_eq!(
        (&batch["status"], &batch["request_counts"]),
        (&json!("completed"), &json!({"total": 8, "completed": 6, "failed": 2}))
    );
    let lines = lines_of(&language, &batch["output_file_id"]).await;
    let mut names: Vec<&str> = lines.iter().map(|line| line["custom_id"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["line-0", "line-1", "line-2", "line-3", "line-4", "line-5"]);
    assert_eq!(lines[0]["response"]["body"]["choices"][0]["message"]["content"], "a");
    let errors = lines_of(&language, &batch["error_file_id"]).await;
    assert!(errors.iter().all(|line| line["response"]["status_code"] == 400), "{errors:?}");
    assert_eq!(
        language.model.request().unwrap().share.priority,
        i32::MAX,
        "whatever else there is goes first"
    );
    assert_eq!(
        language.call("GET", "/v1/batches?limit=1", "", "").await.json()["data"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_goes_on_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let batches = folder.path().join("batches");
    let batch = {
        let language = server(folder.path()).await;
        let batch = begin(&language, &[line("one", json!({})), line("two", json!({}))].join("\n")).await;
        ended(&language, &batch).await
    };
    // As a server leaves it that dies with a line half written.
    let id = batch["id"].as_str().unwrap();
    let mut before = batch.clone();
    (before["status"], before["request_counts"]["completed"]) = (json!("in_progress"), json!(1));
    std::fs::write(batches.join(format!("{id}.json")), before.to_string()).unwrap();
    std::fs::write(batches.join(format!("{id}.output")), "{\"custom_id\": \"one\"}\n{\"custom_id\": \"tw")
        .unwrap();
    let language = server(folder.path()).await;
    let batch = ended(&language, &batch).await;
    assert_eq!(batch["request_counts"], json!({"total": 2, "completed": 2, "failed": 0}));
    let lines = lines_of(&language, &batch["output_file_id"]).await;
    assert_eq!((&lines[0]["custom_id"], &lines[1]["custom_id"]), (&json!("one"), &json!("two")));
    assert_eq!(lines.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_batch_fails_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let language = server(folder.path()).await;
    let other = json!({"custom_id": "x", "method": "POST", "url": "/v1/embeddings", "body": {}}).to_string();
    let batch =
        begin(&language, &format!("{}\n{other}\nno json\n{}", line("a", json!({})), line("a", json!({}))))
            .await;
    let batch = ended(&language, &batch).await;
    let places: Vec<&Value> =
        batch["errors"]["data"].as_array().unwrap().iter().map(|error| &error["line"]).collect();
    assert_eq!((&batch["status"], places), (&json!("failed"), vec![&json!(2), &json!(3), &json!(4)]));
    for (body, param) in [
        (json!({"input_file_id": "file-none", "endpoint": "/v1/embeddings"}), "input_file_id"),
        (json!({"endpoint": "/v1/embeddings"}), "input_file_id"),
        (json!({"input_file_id": batch["input_file_id"], "endpoint": "/v1/images"}), "endpoint"),
        (
            json!({"input_file_id": batch["input_file_id"], "endpoint": "/v1/embeddings", "completion_window": "1h"}),
            "completion_window",
        ),
    ] {
        assert_eq!(
            language.post("/v1/batches", &body).await.json()["error"]["param"],
            json!(param),
            "{body}"
        );
    }
    let without = Language::answering(&[]).await;
    assert_eq!(without.call("GET", "/v1/files", "", "").await.status, 501);
}
