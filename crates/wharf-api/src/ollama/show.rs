//! Which models there are.

use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};
use wharf_infer::language::{LanguageCard, LanguageEntry, LanguageModels};
use wharf_infer::{ErrorCode, ServiceError};

use super::chat::model_name;
use super::stamp;
use crate::language::{Fields, Refusal};
use crate::shown::shown;

/// `/api/tags`.
pub(super) fn tags(models: &dyn LanguageModels) -> Value {
    let entries: Vec<Value> = models.list().iter().map(entry).collect();
    json!({"models": entries})
}

/// `/api/ps`.
pub(super) fn loaded(models: &dyn LanguageModels) -> Value {
    let loaded = |entry: &LanguageEntry| entry.is_loaded.then(|| running(entry));
    let entries: Vec<Value> = models.list().iter().filter_map(loaded).collect();
    json!({"models": entries})
}

/// `/api/show`.
pub(super) fn show(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let name = model_name(models, &mut fields)?;
    fields.boolean("verbose")?;
    fields.finish()?;
    let Some(entry) = models.list().into_iter().find(|entry| entry.name == name) else {
        let text = format!("model '{}' not found", shown(&name));
        return Err(ServiceError::new(ErrorCode::NotFound, text).into());
    };
    let card = entry.card.clone().unwrap_or_default();
    let architecture = card.architecture.clone();
    Ok(json!({
        "modified_at": stamp(UNIX_EPOCH + Duration::from_secs(entry.created)),
        "template": card.chat_template,
        "details": details(&card),
        "model_info": {
            "general.architecture": architecture,
            "general.parameter_count": card.parameters,
            format!("{architecture}.context_length"): card.context_tokens,
            format!("{architecture}.embedding_length"): card.embedding_size,
        },
        "capabilities": capabilities(&card),
    }))
}

fn capabilities(card: &LanguageCard) -> Vec<&'static str> {
    let all = [(card.generates, "completion"), (card.generates, "tools"), (card.embeds, "embedding")];
    all.into_iter().filter(|(is_so, _)| *is_so).map(|(_, name)| name).collect()
}

fn entry(entry: &LanguageEntry) -> Value {
    let card = entry.card.clone().unwrap_or_default();
    json!({
        "name": entry.name,
        "model": entry.name,
        "modified_at": stamp(UNIX_EPOCH + Duration::from_secs(entry.created)),
        "size": card.size_bytes,
        "digest": "",
        "details": details(&card),
    })
}

fn running(of: &LanguageEntry) -> Value {
    let mut entry = entry(of);
    entry["size_vram"] = json!(0);
    entry["context_length"] = json!(of.card.as_ref().map(|card| card.context_tokens));
    entry
}

fn details(card: &LanguageCard) -> Value {
    json!({
        "parent_model": "",
        "format": "gguf",
        "family": card.architecture,
        "families": [card.architecture],
        "parameter_size": parameter_size(card.parameters),
        "quantization_level": card.quantization,
    })
}

/// `135M`, `7.2B`.
fn parameter_size(parameters: u64) -> String {
    match parameters as f64 {
        count if count >= 1e9 => format!("{:.1}B", count / 1e9),
        count if count >= 1e6 => format!("{:.0}M", count / 1e6),
        count => format!("{:.0}K", count / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (parameters, text) in [(262_144, "262K"), (134_515_008, "135M"), (7_241_732_096, "7.2B")] {
            assert_eq!(parameter_size(parameters), text);
        }
    }
}
