//! `/v1/responses`: a chat whose turns the server remembers.

mod input;
mod request;
mod store;
mod writer;

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use wharf_infer::language::LanguageModels;
use wharf_infer::{Deadline, ErrorCode, ServiceError};

pub(super) use self::store::ResponseStore;
use self::store::Stored;
use self::writer::ResponseWriter;
use super::Answer;
use crate::language::{Refusal, stream_body};
use crate::rest::Failure;
use crate::shown::shown;

const PATH: &str = "/v1/responses";

/// Whether `path` is of this interface.
pub(super) fn is_of(path: &str) -> bool {
    path == PATH || path.strip_prefix(PATH).is_some_and(|rest| rest.starts_with('/'))
}

/// Answers one request.
pub(super) async fn answer(
    models: &dyn LanguageModels,
    store: &Arc<ResponseStore>,
    (method, path): (&Method, &str),
    body: &[u8],
    deadline: Deadline,
) -> Result<Answer, Refusal> {
    let rest = path.strip_prefix(PATH).unwrap_or_default().trim_start_matches('/');
    match (method, rest.split_once('/').unwrap_or((rest, ""))) {
        (&Method::POST, ("", "")) => create(models, store, body, deadline).await,
        (&Method::POST, ("input_tokens", "")) => {
            let asked = request::read(body, store)?;
            let count = asked.plan.count_tokens(models).await?;
            Ok(Answer::Whole(json!({"object": "response.input_tokens", "input_tokens": count})))
        }
        (&Method::GET, (id, "")) => Ok(Answer::Whole(found(store, id)?.document.clone())),
        (&Method::DELETE, (id, "")) => {
            store.remove(id).ok_or_else(|| unknown(id))?;
            Ok(Answer::Whole(json!({"id": id, "object": "response", "deleted": true})))
        }
        (&Method::GET, (id, "input_items")) => {
            let stored = found(store, id)?;
            Ok(Answer::Whole(items(&stored)))
        }
        (&Method::POST, (id, "cancel")) => {
            found(store, id)?;
            let text = "only responses that are made in the background can be cancelled, and this server makes none so";
            Err(ServiceError::invalid_argument(text).into())
        }
        _ => Err(Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed").into()),
    }
}

async fn create(
    models: &dyn LanguageModels,
    store: &Arc<ResponseStore>,
    body: &[u8],
    deadline: Deadline,
) -> Result<Answer, Refusal> {
    let mut asked = request::read(body, store)?;
    if !asked.streams {
        asked.plan.request.deadline = deadline;
    }
    let conversation = asked.conversation.clone();
    let run = asked.plan.clone().start(models).await?;
    let kept = asked.stores.then(|| Arc::clone(store));
    let writer = ResponseWriter::new(asked.document, (conversation, asked.items), kept);
    match asked.streams {
        true => Ok(Answer::Stream(stream_body(run, writer))),
        false => writer.whole(run).await.map(Answer::Whole),
    }
}

fn found(store: &ResponseStore, id: &str) -> Result<Arc<Stored>, Refusal> {
    store.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Refusal {
    let text = format!("Response with id '{}' not found.", shown(id));
    ServiceError::new(ErrorCode::NotFound, text).into()
}

fn items(stored: &Stored) -> Value {
    let id = |item: Option<&Value>| item.map(|item| item["id"].clone());
    json!({
        "object": "list",
        "data": stored.items,
        "first_id": id(stored.items.first()),
        "last_id": id(stored.items.last()),
        "has_more": false,
    })
}

/// Reads a request, for fuzzing.
pub(super) fn read(body: &[u8]) -> bool {
    request::read(body, &ResponseStore::default()).is_ok()
}
