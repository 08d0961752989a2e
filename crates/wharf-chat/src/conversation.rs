//! A conversation, and how it is put for templates that know no tools.

use std::time::SystemTime;

use serde_json::{Map, Value};
use wharf_infer::ServiceError;

use crate::builtin::tool_instructions;
use crate::json::python_json;
use crate::message::{Message, Role, Tool};

/// What a model is to go on from.
#[derive(Clone, Debug, PartialEq)]
pub struct Conversation {
    /// What was said, oldest first.
    pub messages: Vec<Message>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    /// What else the template is given, by name.
    pub variables: Map<String, Value>,
    /// The time, for templates that ask.
    pub now: SystemTime,
}

impl Conversation {
    /// Messages, and no tools.
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, tools: Vec::new(), variables: Map::new(), now: SystemTime::now() }
    }

    /// The same in words, for a template that has no place for tools: they are told of in the system message, calls
    /// and answers stand in the text.
    ///
    /// # Errors
    /// A tool cannot be written as JSON.
    pub(crate) fn in_words(&self) -> Result<Self, ServiceError> {
        let mut messages: Vec<Message> = Vec::new();
        for message in &self.messages {
            let message = in_words(message)?;
            // Answers to calls that were made together stand in one message.
            match messages.last_mut().filter(|last| is_answers(last) && is_answers(&message)) {
                Some(last) => {
                    let content = message.content.unwrap_or_default();
                    last.content = last.content.take().map(|before| format!("{before}\n{content}"));
                }
                None => messages.push(message),
            }
        }
        if !self.tools.is_empty() {
            let tools = self.tools.iter().map(|tool| as_json(&tool.to_value(&str::to_owned)));
            let instructions = tool_instructions(&tools.collect::<Result<Vec<_>, _>>()?);
            instruct(&mut messages, instructions);
        }
        Ok(Self { messages, tools: Vec::new(), variables: self.variables.clone(), now: self.now })
    }
}

fn is_answers(message: &Message) -> bool {
    let is_answer = |content: &String| content.starts_with("<tool_response>");
    message.role == Role::User && message.content.as_ref().is_some_and(is_answer)
}

fn in_words(message: &Message) -> Result<Message, ServiceError> {
    let content = message.content.clone().unwrap_or_default();
    if message.role == Role::Tool {
        return Ok(Message::new(Role::User, format!("<tool_response>\n{content}\n</tool_response>")));
    }
    let mut lines: Vec<String> = Some(content).filter(|content| !content.is_empty()).into_iter().collect();
    for call in &message.tool_calls {
        let call = serde_json::json!({"name": call.name, "arguments": call.arguments});
        lines.push(format!("<tool_call>\n{}\n</tool_call>", as_json(&call)?));
    }
    Ok(Message { tool_calls: Vec::new(), content: Some(lines.join("\n")), ..message.clone() })
}

fn as_json(value: &Value) -> Result<String, ServiceError> {
    python_json(value, None).map_err(|error| ServiceError::internal("a tool cannot be written down", error))
}

fn instruct(messages: &mut Vec<Message>, instructions: String) {
    match messages.first_mut().filter(|first| first.role == Role::System) {
        Some(system) => {
            let before = system.content.take().unwrap_or_default();
            system.content = Some(format!("{before}\n\n{instructions}"));
        }
        None => messages.insert(0, Message::new(Role::System, instructions)),
    }
}
