//! What is asked of a chat, and of a text that goes on.

use serde_json::{Map, Value, json};
use wharf_chat::{Conversation, Message, Role, Tool, ToolCall, ToolChoice};
use wharf_infer::language::{Constraint, GenerateRequest, LanguageModels};

use super::options::read_options;
use crate::language::constraint::{Asked, MAX_SCHEMA, MAX_TOOLS, bounded};
use crate::language::plan::{ChatPlan, no_prompt};
use crate::language::{Fields, Refusal};
use crate::openai::read_function;
use crate::shown::shown;

/// A request that is understood.
#[derive(Debug)]
pub(super) struct Asks {
    /// The model, by the name that the server knows.
    pub(super) model: String,
    /// What is to be continued; nothing where the model is only to be loaded or unloaded.
    pub(super) plan: Option<ChatPlan>,
    pub(super) streams: bool,
    pub(super) unloads: bool,
}

/// The model that `name` means here: a tag `latest` means nothing.
pub(super) fn known_name(models: &dyn LanguageModels, name: &str) -> String {
    let is_known = |name: &str| models.list().iter().any(|entry| entry.name == name);
    match name.strip_suffix(":latest") {
        Some(short) if !is_known(name) => short.to_owned(),
        _ => name.to_owned(),
    }
}

/// The model of a request, under either of its names.
pub(super) fn model_name(models: &dyn LanguageModels, fields: &mut Fields) -> Result<String, Refusal> {
    let old = fields.text("name")?;
    let name = fields.text("model")?.or(old);
    let name = name.ok_or_else(|| fields.refused("model", "is missing, expected a string"))?;
    Ok(known_name(models, &name))
}

/// Reads a request of the model `model`.
///
/// # Errors
/// A field is wrong, not known, or asks for what this server does not do: it is named.
pub(super) fn read(mut fields: Fields, model: String, is_chat: bool) -> Result<Asks, Refusal> {
    if model.is_empty() {
        return Err(fields.refused("model", "is missing, expected a string"));
    }
    let mut request = GenerateRequest::new(no_prompt());
    read_options(&mut fields, &mut request)?;
    let constraint = read_format(&mut fields)?;
    let streams = fields.boolean("stream")?.unwrap_or(true);
    let unloads = read_keep_alive(&mut fields)?;
    let mut conversation = match is_chat {
        true => Conversation::new(read_messages(&mut fields)?),
        false => Conversation::new(read_prompt(&mut fields)?),
    };
    conversation.tools = read_tools(&mut fields)?;
    for (name, allowed) in [
        ("think", &[json!(false)][..]),
        ("images", &[json!([])]),
        ("suffix", &[json!("")]),
        ("template", &[json!("")]),
        ("context", &[json!([])]),
        ("raw", &[json!(false)]),
        ("logprobs", &[json!(false)]),
    ] {
        fields.only(name, allowed)?;
    }
    fields.finish()?;
    let says_something = !conversation.messages.is_empty();
    if unloads && says_something {
        return Err(Refusal::field(
            "keep_alive",
            "is 0, expected that only where there is nothing to answer",
        ));
    }
    let plan = ChatPlan {
        model: model.clone(),
        conversation,
        tool_choice: ToolChoice::Auto,
        is_parallel: true,
        constraint,
        request,
    };
    Ok(Asks { model, plan: says_something.then_some(plan), streams, unloads })
}

fn read_format(fields: &mut Fields) -> Result<Asked, Refusal> {
    let constraint = match fields.take("format") {
        None => return Ok(None),
        Some(Value::String(word)) if word.is_empty() => return Ok(None),
        Some(Value::String(word)) if word == "json" => Constraint::JsonObject,
        Some(schema @ Value::Object(_)) => {
            Constraint::JsonSchema(bounded(fields, "format", schema.to_string(), MAX_SCHEMA)?)
        }
        Some(other) => return Err(fields.wrong("format", &other, "`json` or a schema")),
    };
    Ok(Some((constraint, "format")))
}

/// How long a model stays loaded is the server's own matter, but for one that is to go now.
fn read_keep_alive(fields: &mut Fields) -> Result<bool, Refusal> {
    match fields.take("keep_alive") {
        None => Ok(false),
        Some(value) if value.as_i64() == Some(0) => Ok(true),
        Some(Value::String(text)) if matches!(text.as_str(), "0" | "0s" | "0m") => Ok(true),
        Some(_) => Err(fields.refused("keep_alive", "is not supported, expected 0 or none")),
    }
}

fn read_prompt(fields: &mut Fields) -> Result<Vec<Message>, Refusal> {
    let system = fields.text("system")?.filter(|text| !text.is_empty());
    let prompt = fields.text("prompt")?.filter(|text| !text.is_empty());
    Ok(match prompt {
        None => Vec::new(),
        Some(prompt) => {
            let system = system.map(|text| Message::new(Role::System, text));
            system.into_iter().chain([Message::new(Role::User, prompt)]).collect()
        }
    })
}

fn read_messages(fields: &mut Fields) -> Result<Vec<Message>, Refusal> {
    let listed = fields.list("messages")?.unwrap_or_default();
    let message = |(index, message)| read_message(Fields::of(&format!("messages[{index}]"), message)?);
    listed.into_iter().enumerate().map(message).collect()
}

fn read_message(mut fields: Fields) -> Result<Message, Refusal> {
    let role = match fields.required_text("role")?.as_str() {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => {
            let text = format!("is `{}`, expected `system`, `user`, `assistant` or `tool`", shown(other));
            return Err(fields.refused("role", &text));
        }
    };
    let mut message = Message::new(role, fields.text("content")?.unwrap_or_default());
    fields.only("images", &[json!([])])?;
    message.reasoning = fields.text("thinking")?;
    message.name = fields.text("tool_name")?;
    message.tool_call_id = fields.text("tool_call_id")?;
    let calls = fields.list("tool_calls")?.unwrap_or_default();
    let place = fields.name("tool_calls");
    let call = |(index, call)| read_call(Fields::of(&format!("{place}[{index}]"), call)?, index);
    message.tool_calls = calls.into_iter().enumerate().map(call).collect::<Result<_, _>>()?;
    fields.finish()?;
    Ok(message)
}

fn read_call(mut fields: Fields, index: usize) -> Result<ToolCall, Refusal> {
    let id = fields.text("id")?.unwrap_or_else(|| format!("call_{index}"));
    fields.only("type", &[json!("function")])?;
    let Some(mut function) = fields.object("function")? else {
        return Err(fields.refused("function", "is missing, expected an object"));
    };
    fields.finish()?;
    let name = function.required_text("name")?;
    let arguments = function.object("arguments")?.map_or_else(Map::new, Fields::rest);
    function.integer("index", (0, i64::MAX))?;
    function.finish()?;
    Ok(ToolCall { id, name, arguments })
}

fn read_tools(fields: &mut Fields) -> Result<Vec<Tool>, Refusal> {
    let listed = fields.few("tools", MAX_TOOLS)?;
    let tool = |(index, tool)| {
        let mut fields = Fields::of(&format!("tools[{index}]"), tool)?;
        fields.only("type", &[json!("function")])?;
        let Some(function) = fields.object("function")? else {
            return Err(fields.refused("function", "is missing, expected an object"));
        };
        fields.finish()?;
        read_function(function)
    };
    listed.into_iter().enumerate().map(tool).collect()
}
