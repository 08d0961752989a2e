//! Tools of a chat.

use serde_json::{Value, json};
use wharf_chat::{Tool, ToolChoice};

use crate::language::constraint::{MAX_SCHEMA, MAX_TOOLS, bounded};
use crate::language::{Fields, Refusal};
use crate::shown::shown;

/// Reads `tools`, `tool_choice` and `parallel_tool_calls`.
///
/// # Errors
/// One of them is wrong: it is named.
pub(super) fn read_tools(fields: &mut Fields) -> Result<(Vec<Tool>, ToolChoice, bool), Refusal> {
    for (old, new) in [("functions", "tools"), ("function_call", "tool_choice")] {
        if fields.has(old) {
            return Err(fields
                .refused(old, &format!("is not supported, expected `{new}`"))
                .coded("unsupported_value"));
        }
    }
    let tools = fields.few("tools", MAX_TOOLS)?;
    let tool = |(index, tool)| read_tool(Fields::of(&format!("tools[{index}]"), tool)?);
    let mut tools: Vec<Tool> = tools.into_iter().enumerate().map(tool).collect::<Result<_, _>>()?;
    check_names(&tools)?;
    let choice = read_choice(fields, &mut tools)?;
    let is_parallel = fields.boolean("parallel_tool_calls")?.unwrap_or(true);
    Ok((tools, choice, is_parallel))
}

fn check_names(tools: &[Tool]) -> Result<(), Refusal> {
    let is_twice = |index: usize, tool: &Tool| tools.iter().take(index).any(|other| other.name == tool.name);
    match tools.iter().enumerate().find(|(index, tool)| is_twice(*index, tool)) {
        None => Ok(()),
        Some((index, tool)) => {
            let text = format!("is `{}`, as that of another tool", tool.name);
            Err(Refusal::field(format!("tools[{index}].function.name"), &text))
        }
    }
}

fn read_tool(mut fields: Fields) -> Result<Tool, Refusal> {
    let kind = fields.required_text("type")?;
    if kind != "function" {
        let text = format!("is `{}`, which is not supported, expected `function`", shown(&kind));
        return Err(fields.refused("type", &text).coded("unsupported_value"));
    }
    let Some(function) = fields.object("function")? else {
        return Err(fields.refused("function", "is missing, expected an object"));
    };
    fields.finish()?;
    read_function(function)
}

/// A function: its name, what it is for, and what it takes.
pub(crate) fn read_function(mut fields: Fields) -> Result<Tool, Refusal> {
    let name = fields.required_text("name")?;
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'-' | b'.');
    if name.is_empty() || name.len() > 128 || !name.bytes().all(is_plain) {
        return Err(fields.refused("name", "is wrong, expected 1 to 128 letters, digits, `_`, `-` and `.`"));
    }
    let description = fields.text("description")?;
    let parameters = match fields.take("parameters") {
        None => None,
        Some(schema @ Value::Object(_)) => {
            bounded(&fields, "parameters", schema.to_string(), MAX_SCHEMA)?;
            Some(schema)
        }
        Some(other) => return Err(fields.wrong("parameters", &other, "an object")),
    };
    let strict = fields.boolean("strict")?.unwrap_or(false);
    fields.finish()?;
    Ok(Tool { name, description, parameters, strict })
}

fn read_choice(fields: &mut Fields, tools: &mut Vec<Tool>) -> Result<ToolChoice, Refusal> {
    let choice = match fields.take("tool_choice") {
        None => return Ok(ToolChoice::Auto),
        Some(Value::String(word)) => read_word(fields, "tool_choice", &word)?,
        Some(object @ Value::Object(_)) => read_named(Fields::of("tool_choice", object)?, tools)?,
        Some(other) => return Err(fields.wrong("tool_choice", &other, "a string or an object")),
    };
    let is_known = match &choice {
        ToolChoice::None | ToolChoice::Auto => true,
        ToolChoice::Required => !tools.is_empty(),
        ToolChoice::Named(name) => tools.iter().any(|tool| tool.name == *name),
    };
    match is_known {
        true => Ok(choice),
        false => Err(fields.refused("tool_choice", "asks for a tool that is not among `tools`")),
    }
}

/// `none`, `auto` or `required`.
pub(crate) fn read_word(fields: &Fields, name: &str, word: &str) -> Result<ToolChoice, Refusal> {
    match word {
        "none" => Ok(ToolChoice::None),
        "auto" => Ok(ToolChoice::Auto),
        "required" => Ok(ToolChoice::Required),
        _ => {
            Err(fields.refused(name, &format!("is `{}`, expected `none`, `auto` or `required`", shown(word))))
        }
    }
}

/// One tool, or some of them.
fn read_named(mut fields: Fields, tools: &mut Vec<Tool>) -> Result<ToolChoice, Refusal> {
    let kind = fields.required_text("type")?;
    let choice = match kind.as_str() {
        "function" => ToolChoice::Named(read_function_name(&mut fields)?),
        "allowed_tools" => {
            let Some(mut allowed) = fields.object("allowed_tools")? else {
                return Err(fields.refused("allowed_tools", "is missing, expected an object"));
            };
            let mode = allowed.required_text("mode")?;
            let choice = read_word(&allowed, "mode", &mode)?;
            keep_allowed(&mut allowed, tools)?;
            allowed.finish()?;
            choice
        }
        _ => {
            let text = format!("is `{}`, expected `function` or `allowed_tools`", shown(&kind));
            return Err(fields.refused("type", &text));
        }
    };
    fields.finish()?;
    Ok(choice)
}

fn read_function_name(fields: &mut Fields) -> Result<String, Refusal> {
    let Some(mut function) = fields.object("function")? else {
        return Err(fields.refused("function", "is missing, expected an object"));
    };
    let name = function.required_text("name")?;
    function.finish()?;
    Ok(name)
}

fn keep_allowed(fields: &mut Fields, tools: &mut Vec<Tool>) -> Result<(), Refusal> {
    let listed = fields.few("tools", MAX_TOOLS)?;
    let mut names = Vec::new();
    for (index, one) in listed.into_iter().enumerate() {
        let mut one = Fields::of(&fields.name(&format!("tools[{index}]")), one)?;
        one.only("type", &[json!("function")])?;
        names.push(read_function_name(&mut one)?);
        one.finish()?;
    }
    if let Some(name) = names.iter().find(|name| !tools.iter().any(|tool| tool.name == **name)) {
        return Err(fields.refused("tools", &format!("names `{}`, which is not among `tools`", shown(name))));
    }
    tools.retain(|tool| names.contains(&tool.name));
    Ok(())
}
