//! Answers batches, a few requests at a time, and begins where it had stopped.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use wharf_infer::ServiceError;

use super::Batches;
use super::line::{Line, written};
use crate::language::{Refusal, unix_seconds};

/// Requests that run at the same time: as many as share the steps of a model well.
const TOGETHER: usize = 4;
/// Lines that a batch may have, as at OpenAI's.
const MAX_LINES: usize = 50_000;
/// How long to wait where there is no room.
const PAUSE: Duration = Duration::from_secs(2);

/// Answers batches for as long as it is polled.
pub(crate) async fn run_batches(batches: Batches) {
    loop {
        match batches.store.next() {
            None => batches.store.news.notified().await,
            Some(batch) => {
                let id = batch["id"].as_str().unwrap_or_default().to_owned();
                if let Err(error) = run(&batches, &id, &batch).await {
                    tracing::error!(batch = id, detail = error.detail(), "batch failed: {error}");
                    let failed = |batch: &mut Value| {
                        let errors = json!([{"code": "server_error", "message": error.message(), "param": null, "line": null}]);
                        batch["errors"] = json!({"object": "list", "data": errors});
                        end(batch, "failed");
                    };
                    // One that cannot even be marked must not be tried over and over.
                    if batches.store.change(&id, failed).is_err() {
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        }
    }
}

fn end(batch: &mut Value, status: &str) {
    batch["status"] = json!(status);
    batch[format!("{status}_at")] = json!(unix_seconds());
}

async fn run(batches: &Batches, id: &str, batch: &Value) -> Result<(), ServiceError> {
    let endpoint = batch["endpoint"].as_str().unwrap_or_default();
    let input = batches.files.content(batch["input_file_id"].as_str().unwrap_or_default())?;
    let lines = match validated(&input, endpoint) {
        Ok(lines) => lines,
        Err(errors) => {
            batches.store.change(id, |batch| {
                batch["errors"] = json!({"object": "list", "data": errors});
                end(batch, "failed");
            })?;
            return Ok(());
        }
    };
    let total = lines.len();
    let done = answered(&batches.store.lines_path(id, "output"))?;
    let failed = answered(&batches.store.lines_path(id, "error"))?;
    let state = batches.store.change(id, |batch| {
        // What is in the files counts, not what was last said of it.
        batch["request_counts"] = json!({"total": total, "completed": done.len(), "failed": failed.len()});
        if batch["status"] == "validating" {
            (batch["status"], batch["in_progress_at"]) = (json!("in_progress"), json!(unix_seconds()));
        }
    })?;
    let rest: Vec<Line> = lines
        .into_iter()
        .filter(|line| !done.contains(&line.custom_id) && !failed.contains(&line.custom_id))
        .collect();
    let expires = state["expires_at"].as_u64().unwrap_or(u64::MAX);
    for some in rest.chunks(TOGETHER) {
        let status = batches.store.get(id)?["status"].clone();
        if status != "in_progress" || unix_seconds() > expires {
            break;
        }
        answer_some(batches, id, endpoint, some).await?;
    }
    finish(batches, id, expires)
}

/// Every line, or what is wrong with some of them.
fn validated(input: &[u8], endpoint: &str) -> Result<Vec<Line>, Vec<Value>> {
    let mut lines = Vec::new();
    let mut errors = Vec::new();
    let mut names = BTreeSet::new();
    let texts = input.split(|byte| *byte == b'\n').zip(1..).filter(|(text, _)| !text.trim_ascii().is_empty());
    for (text, number) in texts {
        let read = Line::read(text, endpoint).and_then(|line| {
            let is_new = names.insert(line.custom_id.clone());
            is_new.then_some(line).ok_or_else(|| Refusal::field("custom_id", "is that of another line too"))
        });
        match read {
            Ok(line) => lines.push(line),
            Err(refusal) => errors.push(json!({
                "code": "invalid_request",
                "message": refusal.failure.message(),
                "param": refusal.param,
                "line": number,
            })),
        }
        // So many say enough.
        if errors.len() >= 100 || lines.len() > MAX_LINES {
            break;
        }
    }
    if lines.len() > MAX_LINES || lines.is_empty() && errors.is_empty() {
        let text = format!("the file has no requests or too many, expected 1 to {MAX_LINES}");
        errors.push(json!({"code": "invalid_request", "message": text, "param": null, "line": null}));
    }
    if errors.is_empty() { Ok(lines) } else { Err(errors) }
}

async fn answer_some(
    batches: &Batches,
    id: &str,
    endpoint: &str,
    lines: &[Line],
) -> Result<(), ServiceError> {
    let mut tasks = JoinSet::new();
    for line in lines {
        let (batches, line, endpoint) = (batches.clone(), line.clone(), endpoint.to_owned());
        tasks.spawn(async move {
            loop {
                match line.clone().answer(&batches, &endpoint).await {
                    Ok(answer) => return (line.custom_id, answer),
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        });
    }
    let (mut done, mut failed) = (String::new(), String::new());
    let mut counts = (0_u64, 0_u64);
    while let Some(answer) = tasks.join_next().await {
        let (name, answer) =
            answer.map_err(|error| ServiceError::internal("a request of the batch broke", error))?;
        let (place, count) =
            if answer.0 == 200 { (&mut done, &mut counts.0) } else { (&mut failed, &mut counts.1) };
        place.push_str(&written(&name, &answer));
        *count += 1;
    }
    append(&batches.store.lines_path(id, "output"), &done)?;
    append(&batches.store.lines_path(id, "error"), &failed)?;
    batches.store.change(id, |batch| {
        let counts_of = &mut batch["request_counts"];
        for (name, more) in [("completed", counts.0), ("failed", counts.1)] {
            counts_of[name] = json!(counts_of[name].as_u64().unwrap_or(0) + more);
        }
    })?;
    Ok(())
}

fn append(path: &Path, lines: &str) -> Result<(), ServiceError> {
    if lines.is_empty() {
        return Ok(());
    }
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(lines.as_bytes())).map_err(unkept)
}

fn unkept(error: io::Error) -> ServiceError {
    ServiceError::internal("the answers of the batch cannot be kept", error)
}

/// The requests that have an answer already. A line that broke off with the server goes.
fn answered(path: &Path) -> Result<BTreeSet<String>, ServiceError> {
    let content = match fs::read(path) {
        Ok(content) => content,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(unkept(error)),
    };
    let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    let kept = content.get(..whole).unwrap_or_default();
    if whole < content.len() {
        fs::write(path, kept).map_err(unkept)?;
    }
    let name = |line: &[u8]| {
        let line: Value = serde_json::from_slice(line).ok()?;
        line["custom_id"].as_str().map(str::to_owned)
    };
    Ok(kept.split(|byte| *byte == b'\n').filter_map(name).collect())
}

/// Turns the answers into files.
fn finish(batches: &Batches, id: &str, expires: u64) -> Result<(), ServiceError> {
    let file = |kind: &str| {
        let path = batches.store.lines_path(id, kind);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Value::Null),
            Err(error) => return Err(unkept(error)),
        };
        let file = batches.files.create(&format!("{id}_{kind}.jsonl"), "batch_output", &content)?;
        Ok(file["id"].clone())
    };
    let (output, error) = (file("output")?, file("error")?);
    batches.store.change(id, |batch| {
        (batch["output_file_id"], batch["error_file_id"]) = (output, error);
        batch["finalizing_at"] = json!(unix_seconds());
        let counts = &batch["request_counts"];
        let answered = counts["completed"].as_u64().unwrap_or(0) + counts["failed"].as_u64().unwrap_or(0);
        let is_whole = Some(answered) == counts["total"].as_u64();
        let status = match batch["status"].as_str() {
            Some("cancelling") => "cancelled",
            _ if !is_whole && unix_seconds() > expires => "expired",
            _ => "completed",
        };
        end(batch, status);
    })?;
    for kind in ["output", "error"] {
        let _ = fs::remove_file(batches.store.lines_path(id, kind));
    }
    Ok(())
}
