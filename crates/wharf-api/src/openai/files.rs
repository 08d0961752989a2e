//! `/v1/files`: what clients put here for batches, and what came of those. Kept in a folder, so that it outlives the server.

use std::path::PathBuf;
use std::{fs, io};

use bytes::Bytes;
use serde_json::{Value, json};
use wharf_infer::{ErrorCode, ServiceError};

use super::multipart::Part;
use crate::language::{Ids, Refusal, unix_seconds};
use crate::shown::shown;

/// What a file may be for.
const PURPOSES: [&str; 2] = ["batch", "user_data"];
/// Files that are kept.
const MAX_FILES: usize = 10_000;

/// The files of a folder. Calls wait for the disk: not for threads that may not be held up.
#[derive(Clone, Debug)]
pub(super) struct FileStore(PathBuf);

impl FileStore {
    /// The files in `folder`, which is made where it is not there.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    /// Keeps an upload.
    ///
    /// # Errors
    /// It is no file for a known purpose, or cannot be kept.
    pub(super) fn upload(&self, parts: &[Part]) -> Result<Value, Refusal> {
        let find = |name: &str| parts.iter().find(|part| part.name == name);
        if let Some(other) = parts.iter().find(|part| !matches!(part.name.as_str(), "file" | "purpose")) {
            return Err(Refusal::field(shown(&other.name), "is not known"));
        }
        let purpose = find("purpose").map(|part| String::from_utf8_lossy(&part.content).into_owned());
        let Some(purpose) = purpose.filter(|purpose| PURPOSES.contains(&purpose.as_str())) else {
            return Err(Refusal::field(
                "purpose",
                "is missing or not supported, expected `batch` or `user_data`",
            ));
        };
        let Some(file) = find("file") else { return Err(Refusal::field("file", "is missing")) };
        if self.list().len() >= MAX_FILES {
            let text = format!("there are {MAX_FILES} files, as many as there may be");
            return Err(ServiceError::new(ErrorCode::QuotaExceeded, text).into());
        }
        let name = file.filename.as_deref().unwrap_or("file");
        Ok(self.create(name, &purpose, &file.content)?)
    }

    /// Keeps a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn create(&self, name: &str, purpose: &str, content: &[u8]) -> Result<Value, ServiceError> {
        let id = Ids::with("file-");
        let document = json!({
            "id": id,
            "object": "file",
            "bytes": content.len(),
            "created_at": unix_seconds(),
            "filename": shown(name),
            "purpose": purpose,
            "status": "processed",
        });
        let written = fs::write(self.0.join(format!("{id}.content")), content)
            .and_then(|()| put(&self.0.join(format!("{id}.json")), &document));
        written.map_err(|error| ServiceError::internal("the file cannot be kept", error))?;
        Ok(document)
    }

    /// What is known of a file.
    ///
    /// # Errors
    /// There is none of the name.
    pub(super) fn get(&self, id: &str) -> Result<Value, ServiceError> {
        let document = path_of(id).and_then(|id| fs::read(self.0.join(format!("{id}.json"))).ok());
        let document = document.and_then(|text| serde_json::from_slice(&text).ok());
        document.ok_or_else(|| {
            ServiceError::new(ErrorCode::NotFound, format!("No such File object: {}", shown(id)))
        })
    }

    /// What is in a file.
    ///
    /// # Errors
    /// There is none of the name.
    pub(super) fn content(&self, id: &str) -> Result<Bytes, ServiceError> {
        self.get(id)?;
        let content = fs::read(self.0.join(format!("{id}.content")));
        content.map(Bytes::from).map_err(|error| ServiceError::internal("the file cannot be read", error))
    }

    /// Forgets a file.
    ///
    /// # Errors
    /// There is none of the name.
    pub(super) fn delete(&self, id: &str) -> Result<Value, ServiceError> {
        self.get(id)?;
        for kind in ["json", "content"] {
            fs::remove_file(self.0.join(format!("{id}.{kind}")))
                .map_err(|error| ServiceError::internal("the file cannot be deleted", error))?;
        }
        Ok(json!({"id": id, "object": "file", "deleted": true}))
    }

    /// Every file, newest first.
    pub(super) fn list(&self) -> Vec<Value> {
        documents(&self.0)
    }
}

/// Every document of a folder, newest first.
pub(super) fn documents(folder: &std::path::Path) -> Vec<Value> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let paths =
        entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let mut documents: Vec<Value> =
        paths.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect();
    let key =
        |document: &Value| (document["created_at"].as_u64(), document["id"].as_str().map(str::to_owned));
    documents.sort_by_key(|document| std::cmp::Reverse(key(document)));
    documents
}

/// Writes a document whole, or not at all.
pub(super) fn put(path: &std::path::Path, document: &Value) -> io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, document.to_string())?;
    fs::rename(beside, path)
}

/// A name that may be part of a path.
pub(super) fn path_of(id: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(is_plain)).then_some(id)
}
