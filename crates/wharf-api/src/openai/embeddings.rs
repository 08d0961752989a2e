//! Vectors of texts, and documents ranked for a question.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use wharf_infer::language::{
    EmbedRequest, Embeddings, LanguageCard, LanguageLease, LanguageModels, Prompt, RankRequest, Reply,
    TextPart,
};
use wharf_infer::{ErrorCode, ServiceError};

use super::tokens::{self, Input};
use super::unable;
use crate::language::plan::{explained, find, received};
use crate::language::{Fields, Ids, Refusal};
use crate::shown::shown;

/// Texts of a request.
const MAX_INPUTS: usize = 2048;

/// `/v1/embeddings`.
pub(super) async fn embed(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let model = fields.required_text("model")?;
    let inputs = read_inputs(&mut fields)?;
    let is_packed = read_format(&mut fields)?;
    let dimensions = fields.count("dimensions", 1)?;
    fields.text("user")?;
    fields.finish()?;
    let embeddings = vectors_of(models, &model, inputs, dimensions).await?;
    let entry = |(index, vector): (usize, &Vec<f32>)| {
        let vector = if is_packed { packed(vector) } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": vector})
    };
    let data: Vec<Value> = embeddings.vectors.iter().enumerate().map(entry).collect();
    let count = embeddings.prompt_tokens;
    Ok(json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }))
}

/// The texts of `input`.
pub(crate) fn read_inputs(fields: &mut Fields) -> Result<Vec<Input>, Refusal> {
    tokens::read_prompts(fields, "input", MAX_INPUTS)
}

/// The one text of `prompt`.
pub(crate) fn read_prompt(fields: &mut Fields) -> Result<Vec<Input>, Refusal> {
    tokens::read_prompts(fields, "prompt", 1)
}

/// The vectors of texts, cut to so many dimensions.
pub(crate) async fn vectors_of(
    models: &dyn LanguageModels,
    model: &str,
    inputs: Vec<Input>,
    dimensions: Option<u32>,
) -> Result<Embeddings, Refusal> {
    let lease = find(models, model, "model").await?;
    let card = lease.model.card();
    if !card.embeds {
        return Err(unable(model, "gives no embeddings, expected one that does"));
    }
    check_dimensions(dimensions, card)?;
    let prompts = inputs.into_iter().map(|input| input.prompt(true)).collect();
    let mut embeddings = vectors(&lease, prompts, "input").await?;
    if let Some(dimensions) = dimensions {
        embeddings.vectors.iter_mut().for_each(|vector| shorten(vector, dimensions as usize));
    }
    Ok(embeddings)
}

/// Whether vectors are sent as base64 of their bytes, which the official clients ask for.
fn read_format(fields: &mut Fields) -> Result<bool, Refusal> {
    let format = fields.text("encoding_format")?;
    match format.as_deref() {
        None | Some("float") => Ok(false),
        Some("base64") => Ok(true),
        Some(other) => {
            let text = format!("is `{}`, expected `float` or `base64`", shown(other));
            Err(fields.refused("encoding_format", &text))
        }
    }
}

fn check_dimensions(dimensions: Option<u32>, card: &LanguageCard) -> Result<(), Refusal> {
    match dimensions.filter(|dimensions| *dimensions > card.embedding_size) {
        None => Ok(()),
        Some(wanted) => {
            let text = format!("is {wanted}, expected at most {}, which the model has", card.embedding_size);
            Err(Refusal::field("dimensions", &text))
        }
    }
}

async fn vectors(
    lease: &LanguageLease,
    inputs: Vec<Prompt>,
    field: &'static str,
) -> Result<Embeddings, Refusal> {
    let (count, request) = (inputs.len(), EmbedRequest { inputs, normalize: true });
    asked(lease, (count, field), |reply| lease.model.embed(request, reply)).await
}

/// What a model answers: one vector for each of so many texts of a field.
async fn asked(
    lease: &LanguageLease,
    (expected, field): (usize, &'static str),
    ask: impl FnOnce(Reply<Embeddings>),
) -> Result<Embeddings, Refusal> {
    let (sender, answer) = tokio::sync::oneshot::channel();
    ask(Box::new(move |embeddings| drop(sender.send(embeddings))));
    let context = lease.model.card().context_tokens;
    let embeddings = received(answer).await.map_err(|error| explained(error, context, field, None))?;
    match embeddings.vectors.len() == expected {
        true => Ok(embeddings),
        false => {
            let detail = format!("{} vectors for {expected} texts", embeddings.vectors.len());
            Err(ServiceError::internal("the model gave too few or too many vectors", detail).into())
        }
    }
}

/// The first numbers of a vector that was made for that, scaled to length 1 again.
fn shorten(vector: &mut Vec<f32>, dimensions: usize) {
    vector.truncate(dimensions);
    let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number = (f64::from(*number) / length) as f32);
    }
}

fn packed(vector: &[f32]) -> Value {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    Value::String(STANDARD.encode(bytes))
}

/// `/v1/rerank`, as Jina, Cohere and vLLM have it.
pub(super) async fn rerank(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let model = fields.required_text("model")?;
    let query = fields.required_text("query")?;
    let documents = read_documents(&mut fields)?;
    let top = fields.count("top_n", 1)?.map_or(documents.len(), |top| top as usize);
    let returns = fields.boolean("return_documents")?.unwrap_or(true);
    fields.finish()?;
    let lease = find(models, &model, "model").await?;
    let card = lease.model.card();
    let (scores, count) = match (card.ranks, card.embeds) {
        (true, _) => ranked(&lease, &query, &documents).await?,
        (false, true) => compared(&lease, &query, &documents).await?,
        (false, false) => {
            return Err(unable(&model, "ranks no documents, expected one that does or gives embeddings"));
        }
    };
    let mut order: Vec<usize> = (0..documents.len()).collect();
    let score = |index: usize| scores.get(index).copied().unwrap_or(f32::MIN);
    order.sort_by(|one, other| score(*other).total_cmp(&score(*one)).then(one.cmp(other)));
    let result = |index: &usize| {
        let mut result = json!({"index": index, "relevance_score": score(*index)});
        if returns {
            result["document"] = json!({"text": documents.get(*index)});
        }
        result
    };
    let results: Vec<Value> = order.iter().take(top).map(result).collect();
    let usage = json!({"prompt_tokens": count, "total_tokens": count});
    Ok(json!({"id": Ids::with("rerank-"), "model": model, "usage": usage, "results": results}))
}

fn read_documents(fields: &mut Fields) -> Result<Vec<String>, Refusal> {
    let documents = fields.list("documents")?.unwrap_or_default();
    if documents.is_empty() || documents.len() > MAX_INPUTS {
        let text = format!("has {} documents, expected 1 to {MAX_INPUTS}", documents.len());
        return Err(fields.refused("documents", &text));
    }
    let document = |(index, document)| match document {
        Value::String(text) => Ok(text),
        other => {
            let mut fields = Fields::of(&format!("documents[{index}]"), other)?;
            let text = fields.required_text("text")?;
            fields.finish().map(|()| text)
        }
    };
    documents.into_iter().enumerate().map(document).collect()
}

/// By a model that was made for it.
async fn ranked(
    lease: &LanguageLease,
    query: &str,
    documents: &[String],
) -> Result<(Vec<f32>, u32), Refusal> {
    let request = RankRequest { query: query.to_owned(), documents: documents.to_vec() };
    let answer = asked(lease, (documents.len(), "documents"), |reply| lease.model.rank(request, reply));
    let embeddings = answer.await?;
    let first = |vector: &Vec<f32>| vector.first().copied().unwrap_or(f32::MIN);
    Ok((embeddings.vectors.iter().map(first).collect(), embeddings.prompt_tokens))
}

/// By the angle between embeddings.
async fn compared(
    lease: &LanguageLease,
    query: &str,
    documents: &[String],
) -> Result<(Vec<f32>, u32), Refusal> {
    let text = |text: &str| Prompt::Text {
        parts: vec![TextPart { text: text.to_owned(), is_markup: false }],
        with_special: true,
    };
    let inputs = std::iter::once(query).chain(documents.iter().map(String::as_str)).map(text).collect();
    let embeddings = vectors(lease, inputs, "documents").await?;
    let Some((query, documents)) = embeddings.vectors.split_first() else {
        return Err(ServiceError::new(ErrorCode::Internal, "the model gave no vectors").into());
    };
    let angle = |document: &Vec<f32>| query.iter().zip(document).map(|(one, other)| one * other).sum();
    Ok((documents.iter().map(angle).collect(), embeddings.prompt_tokens))
}
