//! What a response goes on from: a text, or items.

use serde_json::{Map, Value, json};
use wharf_chat::{Message, Role, ToolCall};

use crate::language::{Fields, Ids, Refusal};
use crate::openai::chat::read_content;
use crate::shown::shown;

/// Reads `input`: the messages that it means, and the items as they are remembered.
///
/// # Errors
/// An item is wrong: it is named.
pub(super) fn read_input(fields: &mut Fields) -> Result<(Vec<Message>, Vec<Value>), Refusal> {
    let listed = match fields.take("input") {
        Some(Value::String(text)) => vec![json!({"role": "user", "content": text})],
        Some(Value::Array(items)) if !items.is_empty() => items,
        _ => return Err(fields.refused("input", "is missing or empty, expected a string or a list of items")),
    };
    let mut messages: Vec<Message> = Vec::new();
    let mut items = Vec::new();
    for (index, item) in listed.into_iter().enumerate() {
        items.push(remembered(&item));
        let message = read_item(Fields::of(&format!("input[{index}]"), item)?)?;
        // Calls that were made together are one message.
        match messages
            .last_mut()
            .filter(|last| last.role == Role::Assistant && !message.tool_calls.is_empty())
        {
            Some(last) => last.tool_calls.extend(message.tool_calls),
            None => messages.push(message),
        }
    }
    Ok((messages, items))
}

/// An item with a name, and a text as a list of parts.
fn remembered(item: &Value) -> Value {
    let mut item = item.clone();
    let kind = item.get("type").and_then(Value::as_str).unwrap_or("message").to_owned();
    let Value::Object(fields) = &mut item else { return item };
    if let Some(Value::String(text)) = fields.get("content") {
        let kind = if fields.get("role").is_some_and(|role| role == "assistant") {
            "output_text"
        } else {
            "input_text"
        };
        let part = json!([{"type": kind, "text": text}]);
        fields.insert("content".to_owned(), part);
    }
    fields.entry("id").or_insert_with(|| json!(Ids::with(if kind == "message" { "msg_" } else { "item_" })));
    fields.insert("type".to_owned(), json!(kind));
    item
}

fn read_item(mut fields: Fields) -> Result<Message, Refusal> {
    let kind = fields.text("type")?.unwrap_or_else(|| "message".to_owned());
    fields.text("id")?;
    fields.text("status")?;
    let message = match kind.as_str() {
        "message" => read_message(&mut fields)?,
        "function_call" => read_call(&mut fields)?,
        "function_call_output" => read_output(&mut fields)?,
        _ => {
            let text = format!(
                "is `{}`, which is not supported, expected `message`, `function_call` or `function_call_output`",
                shown(&kind)
            );
            return Err(fields.refused("type", &text));
        }
    };
    fields.finish()?;
    Ok(message)
}

fn read_message(fields: &mut Fields) -> Result<Message, Refusal> {
    let role = match fields.required_text("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        other => {
            let text =
                format!("is `{}`, expected `user`, `assistant`, `system` or `developer`", shown(other));
            return Err(fields.refused("role", &text));
        }
    };
    let content = read_content(fields)?;
    let content = content
        .ok_or_else(|| fields.refused("content", "is missing, expected a string or a list of parts"))?;
    Ok(Message::new(role, content))
}

fn read_call(fields: &mut Fields) -> Result<Message, Refusal> {
    let (id, name) = (fields.required_text("call_id")?, fields.required_text("name")?);
    let arguments = fields.required_text("arguments")?;
    let arguments: Map<String, Value> = serde_json::from_str(&arguments)
        .map_err(|_| fields.refused("arguments", "is not a JSON object, expected one as a string"))?;
    let mut message = Message::new(Role::Assistant, "");
    message.content = None;
    message.tool_calls.push(ToolCall { id, name, arguments });
    Ok(message)
}

fn read_output(fields: &mut Fields) -> Result<Message, Refusal> {
    let id = fields.required_text("call_id")?;
    let mut message = Message::new(Role::Tool, fields.required_text("output")?);
    message.tool_call_id = Some(id);
    Ok(message)
}
