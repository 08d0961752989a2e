//! The models, as OpenAI lists them. The same path is KServe's, whose clients read `models`, `name` and `ready`.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wharf_infer::language::{LanguageEntry, LanguageModels};
use wharf_infer::{ErrorCode, ServiceError};

use crate::language::Refusal;
use crate::shown::shown;

const PATH: &str = "/v1/models/";

/// The name in the path of one model: it may contain slashes, as they are or as `%2F`.
pub(super) fn name_in(path: &str) -> Option<String> {
    let name = path.strip_prefix(PATH).filter(|name| !name.is_empty())?;
    Some(percent_encoding::percent_decode_str(name).decode_utf8().ok()?.into_owned())
}

pub(super) fn list(models: &dyn LanguageModels, others: &[String]) -> Value {
    let entries = models.list();
    // The others are all that a server has, these among them.
    let names: BTreeSet<&String> = entries.iter().map(|entry| &entry.name).chain(others).collect();
    let data: Vec<Value> = entries.iter().map(card).collect();
    json!({"object": "list", "data": data, "models": names})
}

pub(super) fn one(models: &dyn LanguageModels, name: &str) -> Result<Value, Refusal> {
    let entry = models.list().into_iter().find(|entry| entry.name == name);
    entry.as_ref().map(card).ok_or_else(|| unknown(name))
}

pub(super) async fn delete(models: &dyn LanguageModels, name: &str) -> Result<Value, Refusal> {
    models.remove(name).await.map_err(|error| match error.code() {
        ErrorCode::NotFound => unknown(name),
        _ => error.into(),
    })?;
    Ok(json!({"id": name, "object": "model", "deleted": true}))
}

fn unknown(name: &str) -> Refusal {
    let text = format!("The model `{}` does not exist", shown(name));
    Refusal::at(ServiceError::new(ErrorCode::NotFound, text), "model").coded("model_not_found")
}

fn card(entry: &LanguageEntry) -> Value {
    json!({
        "id": entry.name,
        "object": "model",
        "created": entry.created,
        "owned_by": "wharf",
        "root": entry.parent.as_ref().unwrap_or(&entry.name),
        "parent": entry.parent,
        "status": {"value": if entry.is_loaded { "loaded" } else { "unloaded" }},
        "max_model_len": entry.card.as_ref().map(|card| card.context_tokens),
        "name": entry.name,
        "ready": entry.is_loaded,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_slashes() {
        for (path, name) in [
            ("/v1/models/org/m", Some("org/m")),
            ("/v1/models/org%2Fm:poet", Some("org/m:poet")),
            ("/v1/models/", None),
            ("/v1/models", None),
            ("/v1/models/%ff", None),
        ] {
            assert_eq!(name_in(path).as_deref(), name, "{path}");
        }
    }
}
