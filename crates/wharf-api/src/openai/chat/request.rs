//! What is asked of a chat. Every field is honoured or refused by its name.

use serde_json::{Map, Value, json};
use wharf_chat::Conversation;
use wharf_infer::language::GenerateRequest;

use super::messages::read_messages;
use super::tools::read_tools;
use crate::language::constraint::read_constraint;
use crate::language::plan::{ChatPlan, check_with_tools, no_prompt};
use crate::language::sampling::read_sampling;
use crate::language::{Fields, Refusal};

/// A request that is understood.
#[derive(Debug)]
pub(super) struct ChatRequest {
    pub(super) plan: ChatPlan,
    /// Where the answer is sent while it is made: how.
    pub(super) stream: Option<StreamOptions>,
    pub(super) has_logprobs: bool,
}

/// How an answer is sent while it is made.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamOptions {
    /// Whether what was counted comes last.
    pub(crate) include_usage: bool,
}

/// Reads a request.
///
/// # Errors
/// A field is wrong, not known, or asks for what this server does not do: it is named.
pub(super) fn read(body: &[u8]) -> Result<ChatRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.required_text("model")?;
    let mut conversation = Conversation::new(read_messages(&mut fields)?);
    let (tools, tool_choice, is_parallel) = read_tools(&mut fields)?;
    conversation.tools = tools;
    conversation.variables = read_variables(&mut fields)?;
    let mut request = GenerateRequest::new(no_prompt());
    read_sampling(&mut fields, &mut request)?;
    request.max_tokens = read_max_tokens(&mut fields)?;
    let has_logprobs = read_logprobs(&mut fields, &mut request)?;
    let constraint = read_constraint(&mut fields)?;
    let stream = read_stream(&mut fields)?;
    check_rest(&mut fields)?;
    fields.finish()?;
    check_min(&request)?;
    check_with_tools(&constraint, &conversation, &tool_choice)?;
    let plan = ChatPlan { model, conversation, tool_choice, is_parallel, constraint, request };
    Ok(ChatRequest { plan, stream, has_logprobs })
}

fn read_max_tokens(fields: &mut Fields) -> Result<Option<u32>, Refusal> {
    let old = fields.count("max_tokens", 1)?;
    let new = fields.count("max_completion_tokens", 1)?;
    match (old, new) {
        (Some(old), Some(new)) if old != new => Err(fields.refused(
            "max_tokens",
            &format!("is {old} and `max_completion_tokens` is {new}, expected one of them"),
        )),
        _ => Ok(new.or(old)),
    }
}

fn read_logprobs(fields: &mut Fields, request: &mut GenerateRequest) -> Result<bool, Refusal> {
    let has_logprobs = fields.boolean("logprobs")?.unwrap_or(false);
    let top = fields.integer("top_logprobs", (0, 20))?;
    if top.is_some() && !has_logprobs {
        return Err(fields.refused("top_logprobs", "is set, expected `logprobs` to be true with it"));
    }
    let top = top.and_then(|top| u8::try_from(top).ok()).unwrap_or(0);
    request.logprobs = has_logprobs.then_some(top);
    Ok(has_logprobs)
}

/// What the template is given beside the messages.
fn read_variables(fields: &mut Fields) -> Result<Map<String, Value>, Refusal> {
    let mut variables = fields.object("chat_template_kwargs")?.map_or_else(Map::new, Fields::rest);
    for name in ["messages", "tools", "add_generation_prompt"] {
        if variables.contains_key(name) {
            return Err(
                fields.refused(&format!("chat_template_kwargs.{name}"), "is given by the request itself")
            );
        }
    }
    // Templates of models that think by degrees know it by this name.
    if let Some(effort) = fields.text("reasoning_effort")? {
        variables.insert("reasoning_effort".to_owned(), json!(effort));
    }
    Ok(variables)
}

/// `stream` and `stream_options`.
pub(crate) fn read_stream(fields: &mut Fields) -> Result<Option<StreamOptions>, Refusal> {
    let streams = fields.boolean("stream")?.unwrap_or(false);
    let mut read = StreamOptions::default();
    if let Some(mut options) = fields.object("stream_options")? {
        if !streams {
            return Err(fields.refused("stream_options", "is set, expected `stream` to be true with it"));
        }
        read.include_usage = options.boolean("include_usage")?.unwrap_or(false);
        options.only("include_obfuscation", &[json!(false)])?;
        options.only("continuous_usage_stats", &[json!(false)])?;
        options.finish()?;
    }
    Ok(streams.then_some(read))
}

/// What may be said, as long as it asks for nothing that this server does not do.
fn check_rest(fields: &mut Fields) -> Result<(), Refusal> {
    for (name, allowed) in [
        ("modalities", &[json!(["text"])][..]),
        ("service_tier", &[json!("auto"), json!("default")]),
        ("store", &[json!(false)]),
        ("verbosity", &[json!("medium")]),
        ("metadata", &[json!({})]),
        ("add_generation_prompt", &[json!(true)]),
        ("audio", &[]),
        ("prediction", &[]),
        ("web_search_options", &[]),
        ("moderation", &[]),
        ("prompt_cache_options", &[]),
        ("prompt_cache_retention", &[json!("in_memory"), json!("in-memory")]),
        ("chat_template", &[]),
        ("best_of", &[json!(1)]),
        ("echo", &[json!(false)]),
    ] {
        fields.only(name, allowed)?;
    }
    Ok(())
}

fn check_min(request: &GenerateRequest) -> Result<(), Refusal> {
    match request.max_tokens.filter(|most| *most < request.min_tokens) {
        None => Ok(()),
        Some(most) => {
            let text = format!("is {}, expected at most `max_tokens`, {most}", request.min_tokens);
            Err(Refusal::field("min_tokens", &text))
        }
    }
}
