//! Vectors of texts.

use std::time::Instant;

use serde_json::{Value, json};
use wharf_infer::language::LanguageModels;

use super::chat::model_name;
use crate::language::{Fields, Refusal};
use crate::openai::embeddings;

/// `/api/embed`.
pub(super) async fn embed(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let began = Instant::now();
    let name = model_name(models, &mut fields)?;
    let inputs = embeddings::read_inputs(&mut fields)?;
    let dimensions = fields.count("dimensions", 1)?;
    // A text that is too long is refused rather than cut where nobody sees it.
    fields.only("truncate", &[json!(false)])?;
    check_rest(&mut fields)?;
    fields.finish()?;
    let embeddings = embeddings::vectors_of(models, &name, inputs, dimensions).await?;
    Ok(json!({
        "model": name,
        "embeddings": embeddings.vectors,
        "total_duration": u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX),
        "load_duration": 0,
        "prompt_eval_count": embeddings.prompt_tokens,
    }))
}

/// `/api/embeddings`, which is older.
pub(super) async fn embed_one(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let name = model_name(models, &mut fields)?;
    let inputs = embeddings::read_prompt(&mut fields)?;
    check_rest(&mut fields)?;
    fields.finish()?;
    let embeddings = embeddings::vectors_of(models, &name, inputs, None).await?;
    Ok(json!({"embedding": embeddings.vectors.first()}))
}

fn check_rest(fields: &mut Fields) -> Result<(), Refusal> {
    fields.only("options", &[json!({})])?;
    fields.only("keep_alive", &[])
}
