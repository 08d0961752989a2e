//! Messages and tools.

use serde_json::{Map, Value, json};

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Whoever built the application.
    System,
    /// Whoever uses it.
    User,
    /// The model.
    Assistant,
    /// A tool that the model has called.
    Tool,
}

impl Role {
    /// Its name, as templates know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A call of a tool that the model has made earlier.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// What the answer to it refers to.
    pub id: String,
    /// Which tool.
    pub name: String,
    /// What it was called with.
    pub arguments: Map<String, Value>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said; nothing where there are only tool calls.
    pub content: Option<String>,
    /// The name of whoever says it, for templates that show it.
    pub name: Option<String>,
    /// What the model had thought before it said this.
    pub reasoning: Option<String>,
    /// The tools that it calls.
    pub tool_calls: Vec<ToolCall>,
    /// The call that it answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message that is only text.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: Some(content.into()),
            name: None,
            reasoning: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    /// The message as templates take it, each text of the caller's passed through `guarded`.
    pub(crate) fn to_value(&self, guarded: &dyn Fn(&str) -> String) -> Value {
        let mut message = Map::new();
        message.insert("role".to_owned(), json!(self.role.name()));
        message.insert("content".to_owned(), json!(self.content.as_deref().map(guarded)));
        let texts = [
            ("name", &self.name),
            ("reasoning_content", &self.reasoning),
            ("tool_call_id", &self.tool_call_id),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                message.insert(key.to_owned(), json!(guarded(text)));
            }
        }
        if !self.tool_calls.is_empty() {
            let calls = self.tool_calls.iter().map(|call| call.to_value(guarded));
            message.insert("tool_calls".to_owned(), calls.collect());
        }
        Value::Object(message)
    }
}

impl ToolCall {
    fn to_value(&self, guarded: &dyn Fn(&str) -> String) -> Value {
        let arguments = guarded_value(&Value::Object(self.arguments.clone()), guarded);
        json!({
            "id": guarded(&self.id),
            "type": "function",
            "function": {"name": guarded(&self.name), "arguments": arguments},
        })
    }
}

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name: letters, digits, `_` and `-`.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The JSON schema of its arguments; none for any object.
    pub parameters: Option<Value>,
    /// Whether the arguments must keep to the schema.
    pub strict: bool,
}

impl Tool {
    /// The tool as templates take it.
    pub(crate) fn to_value(&self, guarded: &dyn Fn(&str) -> String) -> Value {
        let mut function = Map::new();
        function.insert("name".to_owned(), json!(guarded(&self.name)));
        if let Some(description) = &self.description {
            function.insert("description".to_owned(), json!(guarded(description)));
        }
        let none = json!({"type": "object", "properties": {}});
        let parameters = self.parameters.as_ref().unwrap_or(&none);
        function.insert("parameters".to_owned(), guarded_value(parameters, guarded));
        json!({"type": "function", "function": function})
    }
}

/// A value with every text in it passed through `guarded`, the names of fields too.
pub(crate) fn guarded_value(value: &Value, guarded: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(guarded(text)),
        Value::Array(items) => items.iter().map(|item| guarded_value(item, guarded)).collect(),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| (guarded(name), guarded_value(value, guarded));
            Value::Object(fields.iter().map(field).collect())
        }
        other => other.clone(),
    }
}
