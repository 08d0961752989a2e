//! `/v1/batches`: requests that are answered when there is nothing more urgent.

mod line;
mod run;
mod store;

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_infer::language::LanguageModels;

pub(crate) use self::run::run_batches;
use self::store::BatchStore;
use super::files::FileStore;
use super::multipart;
use super::responses::ResponseStore;
use crate::language::{Fields, Refusal};
use crate::rest::{Failure, on_cpu};

/// Files, batches, and what is needed to answer them.
#[derive(Clone)]
pub(crate) struct Batches {
    files: FileStore,
    store: Arc<BatchStore>,
    models: Arc<dyn LanguageModels>,
    responses: Arc<ResponseStore>,
}

/// What is answered here.
pub(super) enum Reply {
    Document(Value),
    Content(Bytes),
}

/// Whether `path` is of this interface.
pub(super) fn is_of(path: &str) -> bool {
    let below =
        |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below("/v1/files") || below("/v1/batches")
}

impl Batches {
    /// Those in `folder`.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn open(folder: &Path, models: Arc<dyn LanguageModels>) -> std::io::Result<Self> {
        let files = FileStore::open(folder.join("files"))?;
        let store = Arc::new(BatchStore::open(folder.join("batches"))?);
        Ok(Self { files, store, models, responses: Arc::default() })
    }

    /// Answers one request.
    pub(super) async fn answer(
        &self,
        (method, path, query): (Method, String, Option<String>),
        content_type: String,
        body: Bytes,
    ) -> Result<Reply, Refusal> {
        let this = self.clone();
        let work = move || this.answered((&method, &path), query.as_deref(), &content_type, &body);
        on_cpu(true, work).await?
    }

    fn answered(
        &self,
        (method, path): (&Method, &str),
        query: Option<&str>,
        content_type: &str,
        body: &Bytes,
    ) -> Result<Reply, Refusal> {
        let mut steps = path.trim_start_matches("/v1/").split('/');
        let (kind, id, verb) = (steps.next().unwrap_or_default(), steps.next(), steps.next());
        let document = match (method, kind, id, verb) {
            (&Method::POST, "files", None, None) => {
                self.files.upload(&multipart::parts(content_type, body)?)?
            }
            (&Method::GET, "files", None, None) => page(self.files.list(), query),
            (&Method::GET, "files", Some(id), None) => self.files.get(id)?,
            (&Method::GET, "files", Some(id), Some("content")) => {
                return Ok(Reply::Content(self.files.content(id)?));
            }
            (&Method::DELETE, "files", Some(id), None) => self.files.delete(id)?,
            (&Method::POST, "batches", None, None) => self.store.create(Fields::parse(body)?, &self.files)?,
            (&Method::GET, "batches", None, None) => page(self.store.list(), query),
            (&Method::GET, "batches", Some(id), None) => self.store.get(id)?,
            (&Method::POST, "batches", Some(id), Some("cancel")) => self.store.cancel(id)?,
            _ => return Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into()),
        };
        Ok(Reply::Document(document))
    }
}

/// A part of a list: `limit` of those that come behind `after`, and of one `purpose`.
fn page(mut all: Vec<Value>, query: Option<&str>) -> Value {
    let value = |name: &str| {
        let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
    };
    if let Some(purpose) = value("purpose") {
        all.retain(|one| one["purpose"] == purpose);
    }
    if value("order") == Some("asc") {
        all.reverse();
    }
    if let Some(place) = value("after").and_then(|after| all.iter().position(|one| one["id"] == after)) {
        all.drain(..=place);
    }
    let limit = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(10_000);
    let has_more = all.len() > limit;
    all.truncate(limit);
    let id = |one: Option<&Value>| one.map(|one| one["id"].clone());
    json!({"object": "list", "first_id": id(all.first()), "last_id": id(all.last()), "data": all, "has_more": has_more})
}
