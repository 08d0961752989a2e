//! What is asked of a message. Every field is honoured or refused by its name.

use serde_json::{Map, Value, json};
use wharf_chat::{Conversation, Message, Role, Tool, ToolCall, ToolChoice};
use wharf_infer::language::GenerateRequest;

use crate::language::constraint::{MAX_SCHEMA, MAX_TOOLS, bounded};
use crate::language::plan::{ChatPlan, no_prompt};
use crate::language::sampling::read_stops;
use crate::language::{Fields, Refusal};
use crate::shown::shown;

/// Reads a request, and whether its answer is sent while it is made. `counts` is for requests that only count tokens.
///
/// # Errors
/// A field is wrong, not known, or asks for what this server does not do: it is named.
pub(super) fn read(body: &[u8], counts: bool) -> Result<(ChatPlan, bool), Refusal> {
    let mut fields = Fields::parse(body)?;
    let model = fields.required_text("model")?;
    let mut messages: Vec<Message> = read_system(&mut fields)?.into_iter().collect();
    read_messages(&mut fields, &mut messages)?;
    let mut conversation = Conversation::new(messages);
    conversation.tools = read_tools(&mut fields)?;
    let (tool_choice, is_parallel) = read_choice(&mut fields, &conversation.tools)?;
    let mut request = GenerateRequest::new(no_prompt());
    request.max_tokens = fields.count("max_tokens", 1)?;
    if request.max_tokens.is_none() && !counts {
        return Err(fields.refused("max_tokens", "is missing, expected a whole number from 1"));
    }
    read_sampling(&mut fields, &mut request)?;
    let streams = fields.boolean("stream")?.unwrap_or(false);
    for (name, allowed) in [
        ("thinking", &[json!({"type": "disabled"})][..]),
        ("service_tier", &[json!("auto"), json!("standard_only")]),
        ("container", &[]),
        ("mcp_servers", &[json!([])]),
    ] {
        fields.only(name, allowed)?;
    }
    fields.finish()?;
    let plan = ChatPlan { model, conversation, tool_choice, is_parallel, constraint: None, request };
    Ok((plan, streams))
}

fn read_sampling(fields: &mut Fields, request: &mut GenerateRequest) -> Result<(), Refusal> {
    let sampling = &mut request.sampling;
    sampling.temperature = fields.number("temperature", (0.0, 1.0))?.unwrap_or(1.0);
    sampling.top_p = fields.number("top_p", (0.0, 1.0))?.unwrap_or(1.0).max(f32::MIN_POSITIVE);
    sampling.top_k = fields.count("top_k", 0)?.unwrap_or(0);
    request.stop = read_stops(fields, "stop_sequences")?;
    if let Some(mut metadata) = fields.object("metadata")? {
        request.share.caller = metadata.text("user_id")?.unwrap_or_default();
        metadata.finish()?;
    }
    Ok(())
}

fn read_system(fields: &mut Fields) -> Result<Option<Message>, Refusal> {
    let text = match fields.take("system") {
        None => return Ok(None),
        Some(Value::String(text)) => text,
        Some(Value::Array(blocks)) => {
            let block = |(index, block)| read_text(Fields::of(&format!("system[{index}]"), block)?);
            blocks.into_iter().enumerate().map(block).collect::<Result<Vec<_>, _>>()?.join("\n")
        }
        Some(other) => return Err(fields.wrong("system", &other, "a string or a list of blocks")),
    };
    Ok(Some(Message::new(Role::System, text)))
}

/// A block that may only be text.
fn read_text(mut fields: Fields) -> Result<String, Refusal> {
    let kind = fields.required_text("type")?;
    if kind != "text" {
        return Err(unsupported(&fields, &kind));
    }
    let text = fields.required_text("text")?;
    finish_block(fields).map(|()| text)
}

fn unsupported(fields: &Fields, kind: &str) -> Refusal {
    let text = format!("is `{}`, which is not supported here, expected `text`", shown(kind));
    fields.refused("type", &text)
}

/// Prefixes are cached without being asked to: what asks for it is granted.
fn finish_block(mut fields: Fields) -> Result<(), Refusal> {
    if let Some(mut control) = fields.object("cache_control")? {
        control.only("type", &[json!("ephemeral")])?;
        control.only("ttl", &[json!("5m"), json!("1h")])?;
        control.finish()?;
    }
    fields.only("citations", &[])?;
    fields.finish()
}

fn read_messages(fields: &mut Fields, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    let listed = fields.list("messages")?.unwrap_or_default();
    if listed.is_empty() {
        return Err(fields.refused("messages", "is empty, expected at least one message"));
    }
    for (index, message) in listed.into_iter().enumerate() {
        read_message(Fields::of(&format!("messages[{index}]"), message)?, messages)?;
    }
    Ok(())
}

fn read_message(mut fields: Fields, messages: &mut Vec<Message>) -> Result<(), Refusal> {
    let role = match fields.required_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => {
            let text = format!("is `{}`, expected `user` or `assistant`", shown(other));
            return Err(fields.refused("role", &text));
        }
    };
    match fields.take("content") {
        Some(Value::String(text)) => messages.push(Message::new(role, text)),
        Some(Value::Array(blocks)) => {
            let place = fields.name("content");
            let mut turn = Turn::default();
            for (index, block) in blocks.into_iter().enumerate() {
                turn.read(Fields::of(&format!("{place}[{index}]"), block)?, role)?;
            }
            turn.finish(role, messages);
        }
        _ => return Err(fields.refused("content", "is wrong, expected a string or a list of blocks")),
    }
    fields.finish()
}

/// What the blocks of a message add up to.
#[derive(Debug, Default)]
struct Turn {
    texts: Vec<String>,
    reasoning: Option<String>,
    calls: Vec<ToolCall>,
    answers: Vec<Message>,
}

impl Turn {
    fn read(&mut self, mut fields: Fields, role: Role) -> Result<(), Refusal> {
        let kind = fields.required_text("type")?;
        match (kind.as_str(), role) {
            ("text", _) => self.texts.push(fields.required_text("text")?),
            ("thinking", Role::Assistant) => {
                self.reasoning = Some(fields.required_text("thinking")?);
                fields.text("signature")?;
            }
            ("tool_use", Role::Assistant) => self.calls.push(read_call(&mut fields)?),
            ("tool_result", Role::User) => self.answers.push(read_result(&mut fields)?),
            _ => return Err(unsupported(&fields, &kind)),
        }
        finish_block(fields)
    }

    /// Answers to calls come before what else the user says.
    fn finish(self, role: Role, messages: &mut Vec<Message>) {
        let says_nothing = self.texts.is_empty() && self.calls.is_empty() && !self.answers.is_empty();
        messages.extend(self.answers);
        if says_nothing {
            return;
        }
        let mut message = Message::new(role, self.texts.join("\n"));
        (message.reasoning, message.tool_calls) = (self.reasoning, self.calls);
        messages.push(message);
    }
}

fn read_call(fields: &mut Fields) -> Result<ToolCall, Refusal> {
    let (id, name) = (fields.required_text("id")?, fields.required_text("name")?);
    let arguments = fields.object("input")?.map_or_else(Map::new, Fields::rest);
    Ok(ToolCall { id, name, arguments })
}

fn read_result(fields: &mut Fields) -> Result<Message, Refusal> {
    let id = fields.required_text("tool_use_id")?;
    let is_error = fields.boolean("is_error")?.unwrap_or(false);
    let place = fields.name("content");
    let text = match fields.take("content") {
        None => String::new(),
        Some(Value::String(text)) => text,
        Some(Value::Array(blocks)) => {
            let block = |(index, block)| read_text(Fields::of(&format!("{place}[{index}]"), block)?);
            blocks.into_iter().enumerate().map(block).collect::<Result<Vec<_>, _>>()?.join("\n")
        }
        Some(other) => return Err(fields.wrong("content", &other, "a string or a list of blocks")),
    };
    let mut message = Message::new(Role::Tool, if is_error { format!("Error: {text}") } else { text });
    message.tool_call_id = Some(id);
    Ok(message)
}

fn read_tools(fields: &mut Fields) -> Result<Vec<Tool>, Refusal> {
    let listed = fields.few("tools", MAX_TOOLS)?;
    let tool = |(index, tool)| read_tool(Fields::of(&format!("tools[{index}]"), tool)?);
    listed.into_iter().enumerate().map(tool).collect()
}

fn read_tool(mut fields: Fields) -> Result<Tool, Refusal> {
    fields.only("type", &[json!("custom")])?;
    let name = fields.required_text("name")?;
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_plain) {
        return Err(fields.refused("name", "is wrong, expected 1 to 128 letters, digits, `_` and `-`"));
    }
    let description = fields.text("description")?;
    let parameters = fields.object("input_schema")?.map(|schema| Value::Object(schema.rest()));
    if let Some(schema) = &parameters {
        bounded(&fields, "input_schema", schema.to_string(), MAX_SCHEMA)?;
    }
    let strict = fields.boolean("strict")?.unwrap_or(false);
    finish_block(fields)?;
    Ok(Tool { name, description, parameters, strict })
}

fn read_choice(fields: &mut Fields, tools: &[Tool]) -> Result<(ToolChoice, bool), Refusal> {
    let Some(mut choice) = fields.object("tool_choice")? else { return Ok((ToolChoice::Auto, true)) };
    let kind = choice.required_text("type")?;
    let read = match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "none" => ToolChoice::None,
        "any" if !tools.is_empty() => ToolChoice::Required,
        "tool" => {
            let name = choice.required_text("name")?;
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(choice.refused("name", "is not among `tools`"));
            }
            ToolChoice::Named(name)
        }
        _ => {
            let text = format!("is `{}`, expected `auto`, `any` of `tools`, `tool` or `none`", shown(&kind));
            return Err(choice.refused("type", &text));
        }
    };
    let is_single = choice.boolean("disable_parallel_tool_use")?.unwrap_or(false);
    choice.finish()?;
    Ok((read, !is_single))
}
