//! Names and values from clients, in messages.

use std::borrow::Cow;

use serde_json::Value;

/// How many characters of a name from the client a message repeats.
pub(crate) const SHOWN_NAME: usize = 128;

/// A name from the client, cut to what a message may repeat.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN_NAME) {
        None => Cow::Borrowed(name),
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
    }
}

/// A JSON value from the client: a number itself, of anything else what it is.
pub(crate) fn found(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        other => kind(other).to_owned(),
    }
}

/// What a JSON value is.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
