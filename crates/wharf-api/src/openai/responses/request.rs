//! What is asked of a response. Every field is honoured or refused by its name.

use serde_json::{Map, Value, json};
use wharf_chat::{Conversation, Message, Role, Tool, ToolChoice};
use wharf_infer::language::{Constraint, GenerateRequest};

use super::input::read_input;
use super::store::ResponseStore;
use super::unknown;
use crate::language::constraint::{Asked, MAX_TOOLS, read_schema_fields};
use crate::language::plan::{ChatPlan, check_with_tools, no_prompt};
use crate::language::{Fields, Ids, Refusal, unix_seconds};
use crate::openai::chat::{read_function, read_word};
use crate::shown::shown;

/// Pairs of a caller's own notes.
const MAX_NOTES: usize = 16;

/// A request that is understood.
#[derive(Debug)]
pub(super) struct ResponseRequest {
    pub(super) plan: ChatPlan,
    pub(super) streams: bool,
    pub(super) stores: bool,
    /// The response, as far as the request says it.
    pub(super) document: Map<String, Value>,
    /// What was asked, item by item.
    pub(super) items: Vec<Value>,
    /// What was said so far, without instructions: they are for this turn alone.
    pub(super) conversation: Vec<Message>,
}

/// Reads a request.
///
/// # Errors
/// A field is wrong, not known, or asks for what this server does not do: it is named.
pub(super) fn read(body: &[u8], store: &ResponseStore) -> Result<ResponseRequest, Refusal> {
    let mut fields = Fields::parse(body)?;
    let mut document = Map::new();
    let model = fields.required_text("model")?;
    let previous = fields.text("previous_response_id")?;
    let mut said = match &previous {
        None => Vec::new(),
        Some(id) => store.get(id).ok_or_else(|| unknown(id))?.messages.clone(),
    };
    let (messages, items) = read_input(&mut fields)?;
    said.extend(messages);
    let instructions = fields.text("instructions")?;
    let first = instructions.as_ref().map(|text| Message::new(Role::System, text.as_str()));
    let mut conversation = Conversation::new(first.into_iter().chain(said.clone()).collect());
    document.insert("instructions".to_owned(), json!(instructions));
    document.insert("previous_response_id".to_owned(), json!(previous));
    let (tools, tool_choice) = read_tools(&mut fields, &mut document)?;
    conversation.tools = tools;
    let is_parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
    let constraint = read_text(&mut fields, &mut document)?;
    let mut request = GenerateRequest::new(no_prompt());
    read_sampling(&mut fields, &mut request, &mut document)?;
    let streams = fields.boolean("stream")?.unwrap_or(false);
    if let Some(mut options) = fields.object("stream_options")? {
        options.only("include_obfuscation", &[json!(false)])?;
        options.finish()?;
    }
    let stores = fields.boolean("store")?.unwrap_or(true);
    read_notes(&mut fields, &mut document)?;
    check_rest(&mut fields)?;
    fields.finish()?;
    check_with_tools(&constraint, &conversation, &tool_choice)?;
    for (name, value) in [
        ("id", json!(Ids::with("resp_"))),
        ("object", json!("response")),
        ("created_at", json!(unix_seconds())),
        ("model", json!(model)),
        ("parallel_tool_calls", json!(is_parallel)),
        ("truncation", json!("disabled")),
        ("background", json!(false)),
        ("store", json!(stores)),
        ("service_tier", json!("default")),
        ("reasoning", json!({"effort": null, "summary": null})),
    ] {
        document.insert(name.to_owned(), value);
    }
    let plan = ChatPlan { model, conversation, tool_choice, is_parallel, constraint, request };
    Ok(ResponseRequest { plan, streams, stores, document, items, conversation: said })
}

fn read_sampling(
    fields: &mut Fields,
    request: &mut GenerateRequest,
    document: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    let sampling = &mut request.sampling;
    sampling.temperature = fields.number("temperature", (0.0, 2.0))?.unwrap_or(1.0);
    sampling.top_p = fields.number("top_p", (0.0, 1.0))?.unwrap_or(1.0).max(f32::MIN_POSITIVE);
    request.max_tokens = fields.count("max_output_tokens", 1)?;
    document.insert("temperature".to_owned(), json!(as_written(sampling.temperature)));
    document.insert("top_p".to_owned(), json!(as_written(sampling.top_p)));
    document.insert("max_output_tokens".to_owned(), json!(request.max_tokens));
    let user = fields.text("user")?;
    request.share.caller = fields.text("safety_identifier")?.or(user).unwrap_or_default();
    request.share.cache_salt = fields.text("prompt_cache_key")?.unwrap_or_default();
    Ok(())
}

/// A number of single precision by the digits that it was written with.
fn as_written(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_default()
}

/// A function stands in the list itself here, and not in a field of its own.
fn read_tools(
    fields: &mut Fields,
    document: &mut Map<String, Value>,
) -> Result<(Vec<Tool>, ToolChoice), Refusal> {
    let listed = fields.few("tools", MAX_TOOLS)?;
    document.insert("tools".to_owned(), json!(listed));
    let tool = |(index, tool)| {
        let mut fields = Fields::of(&format!("tools[{index}]"), tool)?;
        let kind = fields.required_text("type")?;
        if kind != "function" {
            let text = format!("is `{}`, which is not supported, expected `function`", shown(&kind));
            return Err(fields.refused("type", &text).coded("unsupported_value"));
        }
        read_function(fields)
    };
    let tools: Vec<Tool> = listed.into_iter().enumerate().map(tool).collect::<Result<_, _>>()?;
    let choice = fields.take("tool_choice");
    document.insert("tool_choice".to_owned(), choice.clone().unwrap_or_else(|| json!("auto")));
    let choice = match choice {
        None => ToolChoice::Auto,
        Some(Value::String(word)) => read_word(fields, "tool_choice", &word)?,
        Some(object) => {
            let mut choice = Fields::of("tool_choice", object)?;
            choice.only("type", &[json!("function")])?;
            let name = choice.required_text("name")?;
            choice.finish()?;
            ToolChoice::Named(name)
        }
    };
    let is_known = match &choice {
        ToolChoice::None | ToolChoice::Auto => true,
        ToolChoice::Required => !tools.is_empty(),
        ToolChoice::Named(name) => tools.iter().any(|tool| tool.name == *name),
    };
    match is_known {
        true => Ok((tools, choice)),
        false => Err(fields.refused("tool_choice", "asks for a tool that is not among `tools`")),
    }
}

/// `text`: what the answer must look like.
fn read_text(fields: &mut Fields, document: &mut Map<String, Value>) -> Result<Asked, Refusal> {
    let given = fields.take("text").unwrap_or_else(|| json!({"format": {"type": "text"}}));
    document.insert("text".to_owned(), given.clone());
    let mut text = Fields::of("text", given)?;
    text.only("verbosity", &[json!("medium")])?;
    let format = text.object("format")?;
    text.finish()?;
    let Some(mut format) = format else { return Ok(None) };
    let kind = format.required_text("type")?;
    let constraint = match kind.as_str() {
        "text" => None,
        "json_object" => Some(Constraint::JsonObject),
        "json_schema" => Some(read_schema_fields(&mut format)?),
        _ => {
            let text = format!("is `{}`, expected `text`, `json_object` or `json_schema`", shown(&kind));
            return Err(format.refused("type", &text));
        }
    };
    format.finish()?;
    Ok(constraint.map(|constraint| (constraint, "text.format")))
}

fn read_notes(fields: &mut Fields, document: &mut Map<String, Value>) -> Result<(), Refusal> {
    let notes = fields.object("metadata")?.map_or_else(Map::new, Fields::rest);
    let is_note = |(name, value): (&String, &Value)| {
        name.len() <= 64 && value.as_str().is_some_and(|text| text.len() <= 512)
    };
    if notes.len() > MAX_NOTES || !notes.iter().all(is_note) {
        let text = "is wrong, expected at most 16 strings of at most 512 bytes, under names of at most 64";
        return Err(fields.refused("metadata", text));
    }
    document.insert("metadata".to_owned(), Value::Object(notes));
    Ok(())
}

/// What may be said, as long as it asks for nothing that this server does not do.
fn check_rest(fields: &mut Fields) -> Result<(), Refusal> {
    for (name, allowed) in [
        ("background", &[json!(false)][..]),
        ("truncation", &[json!("disabled")]),
        ("include", &[json!([])]),
        ("reasoning", &[json!({})]),
        ("service_tier", &[json!("auto"), json!("default")]),
        ("top_logprobs", &[json!(0)]),
        ("max_tool_calls", &[]),
        ("conversation", &[]),
        ("prompt", &[]),
        ("prompt_cache_retention", &[json!("in_memory"), json!("in-memory")]),
    ] {
        fields.only(name, allowed)?;
    }
    Ok(())
}
