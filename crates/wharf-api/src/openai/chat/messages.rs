//! Messages of a chat.

use serde_json::{Map, Value, json};
use wharf_chat::{Message, Role, ToolCall};

use crate::language::{Fields, Refusal};
use crate::shown::{found, shown};

/// Turns that a chat may have.
const MAX_MESSAGES: usize = 100_000;

/// Reads `messages`.
///
/// # Errors
/// There are none, or one is wrong: it is named.
pub(super) fn read_messages(fields: &mut Fields) -> Result<Vec<Message>, Refusal> {
    let Some(messages) = fields.list("messages")? else {
        return Err(fields.refused("messages", "is missing, expected a list of messages"));
    };
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        let text = format!("has {} messages, expected 1 to {MAX_MESSAGES}", messages.len());
        return Err(fields.refused("messages", &text));
    }
    let message = |(index, message)| read_message(Fields::of(&format!("messages[{index}]"), message)?);
    messages.into_iter().enumerate().map(message).collect()
}

fn read_message(mut fields: Fields) -> Result<Message, Refusal> {
    let role = read_role(&mut fields)?;
    let mut message = Message::new(role, "");
    message.content = read_content(&mut fields)?;
    message.name = fields.text("name")?;
    match role {
        Role::Assistant => read_assistant(&mut fields, &mut message)?,
        Role::Tool => message.tool_call_id = Some(fields.required_text("tool_call_id")?),
        Role::System | Role::User => {}
    }
    if message.content.is_none() && message.tool_calls.is_empty() {
        return Err(fields.refused("content", "is missing, expected a string or a list of parts"));
    }
    fields.finish()?;
    Ok(message)
}

fn read_role(fields: &mut Fields) -> Result<Role, Refusal> {
    let role = fields.required_text("role")?;
    Ok(match role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => {
            let text = format!(
                "is `{}`, expected `system`, `developer`, `user`, `assistant` or `tool`",
                shown(&role)
            );
            return Err(fields.refused("role", &text));
        }
    })
}

/// What clients repeat of an answer that they got.
fn read_assistant(fields: &mut Fields, message: &mut Message) -> Result<(), Refusal> {
    let refusal = fields.text("refusal")?;
    message.content = message.content.take().or(refusal);
    let thought = fields.text("reasoning")?;
    message.reasoning = fields.text("reasoning_content")?.or(thought);
    fields.only("annotations", &[json!([])])?;
    // The official client repeats the content so where it has read it itself.
    fields.take("parsed");
    fields.only("audio", &[])?;
    fields.only("function_call", &[])?;
    let calls = fields.list("tool_calls")?.unwrap_or_default();
    let place = fields.name("tool_calls");
    let call = |(index, call)| read_call(Fields::of(&format!("{place}[{index}]"), call)?);
    message.tool_calls = calls.into_iter().enumerate().map(call).collect::<Result<_, _>>()?;
    Ok(())
}

fn read_call(mut fields: Fields) -> Result<ToolCall, Refusal> {
    let id = fields.required_text("id")?;
    fields.only("type", &[json!("function")])?;
    fields.integer("index", (0, i64::MAX))?;
    let Some(mut function) = fields.object("function")? else {
        return Err(fields.refused("function", "is missing, expected an object"));
    };
    fields.finish()?;
    let name = function.required_text("name")?;
    let arguments = function.required_text("arguments")?;
    let arguments = match arguments.trim() {
        "" => Map::new(),
        text => serde_json::from_str(text)
            .map_err(|_| function.refused("arguments", "is not a JSON object, expected one as a string"))?,
    };
    // The official client repeats the arguments so where it has read them itself.
    function.take("parsed_arguments");
    function.finish()?;
    Ok(ToolCall { id, name, arguments })
}

/// A text, or the texts of parts, each on lines of its own.
pub(crate) fn read_content(fields: &mut Fields) -> Result<Option<String>, Refusal> {
    let parts = match fields.take("content") {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(text)),
        Some(Value::Array(parts)) => parts,
        Some(other) => {
            let text = format!("is {}, expected a string or a list of parts", found(&other));
            return Err(fields.refused("content", &text));
        }
    };
    let place = fields.name("content");
    let part = |(index, part)| read_part(Fields::of(&format!("{place}[{index}]"), part)?);
    let texts: Vec<String> = parts.into_iter().enumerate().map(part).collect::<Result<_, _>>()?;
    Ok(Some(texts.join("\n")))
}

fn read_part(mut fields: Fields) -> Result<String, Refusal> {
    let kind = fields.required_text("type")?;
    let text = match kind.as_str() {
        "text" | "input_text" | "output_text" => fields.required_text("text")?,
        "refusal" => fields.required_text("refusal")?,
        _ => {
            let text = format!("is `{}`, which is not supported, expected `text`", shown(&kind));
            return Err(fields.refused("type", &text).coded("unsupported_value"));
        }
    };
    fields.finish()?;
    Ok(text)
}
