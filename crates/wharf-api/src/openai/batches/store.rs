//! The batches of a folder.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use serde_json::{Value, json};
use tokio::sync::Notify;
use wharf_infer::{ErrorCode, ServiceError};

use super::line::ENDPOINTS;
use crate::language::{Fields, Ids, Refusal, unix_seconds};
use crate::openai::files::{FileStore, documents, path_of, put};
use crate::shown::shown;

/// How long a batch may take.
const WINDOW_SECONDS: u64 = 86_400;

/// The batches.
#[derive(Debug)]
pub(super) struct BatchStore {
    folder: PathBuf,
    /// Whoever changes a batch has this.
    change: Mutex<()>,
    /// Told of each new batch.
    pub(super) news: Notify,
}

impl BatchStore {
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, change: Mutex::default(), news: Notify::new() })
    }

    /// The answers of a batch so far, one a line; `kind` is `output` or `error`.
    pub(super) fn lines_path(&self, id: &str, kind: &str) -> PathBuf {
        self.folder.join(format!("{id}.{kind}"))
    }

    pub(super) fn create(&self, mut fields: Fields, files: &FileStore) -> Result<Value, Refusal> {
        let file = fields.required_text("input_file_id")?;
        files.get(&file).map_err(|error| Refusal::at(error, "input_file_id"))?;
        let endpoint = fields.required_text("endpoint")?;
        if !ENDPOINTS.contains(&endpoint.as_str()) {
            let text = format!("is `{}`, expected {}", shown(&endpoint), ENDPOINTS.join(" or "));
            return Err(fields.refused("endpoint", &text));
        }
        fields.only("completion_window", &[json!("24h")])?;
        let metadata = fields.object("metadata")?.map(Fields::rest);
        fields.finish()?;
        let now = unix_seconds();
        let document = json!({
            "id": Ids::with("batch_"),
            "object": "batch",
            "endpoint": endpoint,
            "errors": null,
            "input_file_id": file,
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": null,
            "error_file_id": null,
            "created_at": now,
            "in_progress_at": null,
            "expires_at": now + WINDOW_SECONDS,
            "finalizing_at": null,
            "completed_at": null,
            "failed_at": null,
            "expired_at": null,
            "cancelling_at": null,
            "cancelled_at": null,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": metadata,
        });
        self.put(&document)?;
        self.news.notify_one();
        Ok(document)
    }

    pub(super) fn get(&self, id: &str) -> Result<Value, ServiceError> {
        let document = path_of(id).and_then(|id| fs::read(self.folder.join(format!("{id}.json"))).ok());
        let document = document.and_then(|text| serde_json::from_slice(&text).ok());
        document.ok_or_else(|| {
            ServiceError::new(ErrorCode::NotFound, format!("No batch found with id '{}'.", shown(id)))
        })
    }

    /// Every batch, newest first.
    pub(super) fn list(&self) -> Vec<Value> {
        documents(&self.folder)
    }

    /// The batch that is to go on: the oldest that is not at its end.
    pub(super) fn next(&self) -> Option<Value> {
        let is_open = |batch: &Value| !is_over(batch);
        self.list().into_iter().rev().find(is_open)
    }

    pub(super) fn cancel(&self, id: &str) -> Result<Value, ServiceError> {
        self.change(id, |batch| {
            if matches!(batch["status"].as_str(), Some("validating" | "in_progress")) {
                (batch["status"], batch["cancelling_at"]) = (json!("cancelling"), json!(unix_seconds()));
            }
        })
    }

    /// Changes a batch and keeps what came of it.
    ///
    /// # Errors
    /// There is none of the name, or it cannot be kept.
    pub(super) fn change(&self, id: &str, change: impl FnOnce(&mut Value)) -> Result<Value, ServiceError> {
        let _alone = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut batch = self.get(id)?;
        change(&mut batch);
        self.put(&batch)?;
        Ok(batch)
    }

    fn put(&self, batch: &Value) -> Result<(), ServiceError> {
        let id = batch["id"].as_str().unwrap_or_default();
        put(&self.folder.join(format!("{id}.json")), batch)
            .map_err(|error| ServiceError::internal("the batch cannot be kept", error))
    }
}

/// Whether nothing more happens to a batch.
pub(super) fn is_over(batch: &Value) -> bool {
    matches!(batch["status"].as_str(), Some("completed" | "failed" | "expired" | "cancelled"))
}
