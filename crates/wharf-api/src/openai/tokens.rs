//! Texts to tokens and back, as vLLM has it and lm-eval reads it.

use serde_json::{Value, json};
use wharf_infer::language::{LanguageLease, LanguageModels, Prompt, TextPart, TokenId};
use wharf_infer::{ErrorCode, ServiceError};

use crate::language::plan::{find, received};
use crate::language::{Fields, Refusal};

/// A prompt as clients send it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Input {
    Text(String),
    Tokens(Vec<TokenId>),
}

impl Input {
    /// What the model is given. What callers write are no control tokens.
    pub(super) fn prompt(self, with_special: bool) -> Prompt {
        match self {
            Self::Tokens(tokens) => Prompt::Tokens(tokens),
            Self::Text(text) => {
                Prompt::Text { parts: vec![TextPart { text, is_markup: false }], with_special }
            }
        }
    }
}

/// A string, strings, tokens, or lists of tokens.
pub(super) fn read_prompts(fields: &mut Fields, name: &str, most: usize) -> Result<Vec<Input>, Refusal> {
    let expected = "a string, a list of strings, a list of tokens, or a list of such lists";
    let inputs = match fields.take(name) {
        None => return Err(fields.refused(name, &format!("is missing, expected {expected}"))),
        Some(Value::String(text)) => vec![Input::Text(text)],
        Some(Value::Array(items)) if items.first().is_some_and(Value::is_number) => {
            let tokens = read_tokens(&items);
            vec![Input::Tokens(
                tokens.ok_or_else(|| fields.refused(name, "has an element that is no token"))?,
            )]
        }
        Some(Value::Array(items)) => {
            let input = |item: Value| match item {
                Value::String(text) => Some(Input::Text(text)),
                Value::Array(items) => read_tokens(&items).map(Input::Tokens),
                _ => None,
            };
            let inputs: Option<Vec<Input>> = items.into_iter().map(input).collect();
            inputs.ok_or_else(|| fields.refused(name, &format!("is wrong, expected {expected}")))?
        }
        Some(other) => return Err(fields.wrong(name, &other, expected)),
    };
    let is_empty = |input: &Input| {
        matches!(input, Input::Text(text) if text.is_empty()) || *input == Input::Tokens(vec![])
    };
    if inputs.is_empty() || inputs.len() > most {
        return Err(fields.refused(name, &format!("has {} texts, expected 1 to {most}", inputs.len())));
    }
    match inputs.iter().any(is_empty) {
        true => Err(fields.refused(name, "has an empty text, expected at least one token")),
        false => Ok(inputs),
    }
}

fn read_tokens(items: &[Value]) -> Option<Vec<TokenId>> {
    items.iter().map(|item| item.as_u64().and_then(|token| TokenId::try_from(token).ok())).collect()
}

/// The model of `model`; where it is not said and there is only one, that one.
async fn model(models: &dyn LanguageModels, name: Option<String>) -> Result<LanguageLease, Refusal> {
    let name = match name {
        Some(name) => name,
        None => {
            let bases = models.list().into_iter().filter(|entry| entry.parent.is_none());
            let mut names: Vec<String> = bases.map(|entry| entry.name).collect();
            match (names.pop(), names.is_empty()) {
                (Some(name), true) => name,
                _ => {
                    return Err(Refusal::field(
                        "model",
                        "is missing, expected the name of one of the models",
                    ));
                }
            }
        }
    };
    find(models, &name, "model").await
}

/// `/tokenize`.
pub(super) async fn tokenize(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let name = fields.text("model")?;
    let text = fields.required_text("prompt")?;
    let with_special = fields.boolean("add_special_tokens")?.unwrap_or(true);
    let shows = fields.boolean("return_token_strs")?.unwrap_or(false);
    fields.finish()?;
    let lease = model(models, name).await?;
    let parts = vec![TextPart { text, is_markup: false }];
    let (sender, answer) = tokio::sync::oneshot::channel();
    lease.model.tokenize(parts, with_special, Box::new(move |tokens| drop(sender.send(tokens))));
    let tokens = received(answer).await?;
    let texts = if shows { Some(texts(&lease, tokens.clone()).await?) } else { None };
    Ok(json!({
        "count": tokens.len(),
        "max_model_len": lease.model.card().context_tokens,
        "tokens": tokens,
        "token_strs": texts,
    }))
}

async fn texts(lease: &LanguageLease, tokens: Vec<TokenId>) -> Result<Vec<String>, Refusal> {
    let pieces = pieces(lease, tokens).await?;
    Ok(pieces.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect())
}

async fn pieces(lease: &LanguageLease, tokens: Vec<TokenId>) -> Result<Vec<Vec<u8>>, Refusal> {
    let (sender, answer) = tokio::sync::oneshot::channel();
    lease.model.detokenize(tokens, true, Box::new(move |pieces| drop(sender.send(pieces))));
    Ok(received(answer).await?)
}

/// The text of tokens.
pub(super) async fn text_of(lease: &LanguageLease, tokens: Vec<TokenId>) -> Result<String, Refusal> {
    Ok(String::from_utf8_lossy(&pieces(lease, tokens).await?.concat()).into_owned())
}

/// `/detokenize`.
pub(super) async fn detokenize(models: &dyn LanguageModels, mut fields: Fields) -> Result<Value, Refusal> {
    let name = fields.text("model")?;
    let tokens = fields.list("tokens")?;
    let tokens = tokens.and_then(|items| read_tokens(&items));
    let tokens = tokens.ok_or_else(|| fields.refused("tokens", "is wrong, expected a list of tokens"))?;
    fields.finish()?;
    let lease = model(models, name).await?;
    Ok(json!({"prompt": text_of(&lease, tokens).await?}))
}

/// `/tokenizer_info`.
pub(super) async fn info(models: &dyn LanguageModels, query: Option<&str>) -> Result<Value, Refusal> {
    let name = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("model=")));
    let name = name.map(|name| percent_encoding::percent_decode_str(name).decode_utf8());
    let name =
        name.transpose().map_err(|_| ServiceError::new(ErrorCode::InvalidArgument, "query is not UTF-8"))?;
    let lease = model(models, name.map(std::borrow::Cow::into_owned)).await?;
    let card = lease.model.card();
    let special = |role: &str| card.special_tokens.get(role);
    Ok(json!({
        "tokenizer_class": card.architecture,
        "bos_token": special("bos"),
        "eos_token": special("eos"),
        "pad_token": special("pad").or(special("eos")),
        "unk_token": special("unk"),
        "chat_template": card.chat_template,
        "model_max_length": card.context_tokens,
        "vocab_size": card.vocabulary_size,
    }))
}
