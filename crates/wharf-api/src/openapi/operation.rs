//! One operation, and how the document describes it.

use serde_json::{Map, Value, json};

/// A row of the tables.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    /// The method, in small letters, as the document has it.
    pub(super) method: &'static str,
    /// The path; what stands in braces is chosen by the client.
    pub(super) path: &'static str,
    /// What it does.
    pub(super) summary: &'static str,
    /// The schema of the body, where there is one.
    pub(super) body: Option<&'static str>,
    /// The statuses of its answers, beside those that every operation may give.
    pub(super) statuses: &'static [u16],
}

impl Operation {
    /// What reads.
    pub(super) const fn get(path: &'static str, summary: &'static str) -> Self {
        Self { method: "get", path, summary, body: None, statuses: &[] }
    }

    /// What acts, on a body of the schema `body`.
    pub(super) const fn post(path: &'static str, summary: &'static str, body: &'static str) -> Self {
        Self { method: "post", path, summary, body: Some(body), statuses: &[] }
    }

    /// What replaces, by a body of the schema `body`.
    pub(super) const fn put(path: &'static str, summary: &'static str, body: &'static str) -> Self {
        Self { method: "put", path, summary, body: Some(body), statuses: &[] }
    }

    /// What takes away.
    pub(super) const fn delete(path: &'static str, summary: &'static str) -> Self {
        Self { method: "delete", path, summary, body: None, statuses: &[] }
    }

    /// The statuses of its answers beside the usual ones.
    pub(super) const fn also(mut self, statuses: &'static [u16]) -> Self {
        self.statuses = statuses;
        self
    }

    /// The operation in the document's words.
    pub(super) fn describe(&self) -> Value {
        let mut described = Map::new();
        described.insert("summary".to_owned(), json!(self.summary));
        described.insert("operationId".to_owned(), json!(self.id()));
        let parameters: Vec<Value> = self.places().map(parameter).collect();
        if !parameters.is_empty() {
            described.insert("parameters".to_owned(), Value::Array(parameters));
        }
        if let Some(schema) = self.body {
            let content = json!({"application/json": {"schema": reference(schema)}});
            described.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
        }
        described.insert("responses".to_owned(), Value::Object(self.responses()));
        Value::Object(described)
    }

    /// Every operation has a name of its own: its method and its path.
    fn id(&self) -> String {
        let words = self.path.split(|letter: char| !letter.is_ascii_alphanumeric());
        let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
        format!("{}_{}", self.method, words.join("_"))
    }

    /// What stands in braces.
    fn places(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('{').skip(1).filter_map(|after| Some(after.split_once('}')?.0))
    }

    fn responses(&self) -> Map<String, Value> {
        let usual: &[u16] =
            if self.places().next().is_some() || self.body.is_some() { &[200, 400, 404] } else { &[200] };
        let statuses = usual.iter().chain(self.statuses);
        statuses.map(|&status| (status.to_string(), response(status))).collect()
    }
}

fn response(status: u16) -> Value {
    let meaning = match status {
        200 => return json!({"description": "done"}),
        400 => "the request is wrong",
        403 => "whoever asks may not do this",
        404 => "there is no such model, version or region",
        409 => "there is one of that name",
        412 => "a condition is not met",
        413 => "the request is larger than the limit",
        415 => "the body is packed in a way that is not known",
        501 => "the server does not do this",
        503 => "the model, or the server, is not ready or allows no more",
        504 => "the answer took longer than allowed",
        _ => "an error",
    };
    json!({"description": meaning})
}

fn parameter(name: &str) -> Value {
    let schema = match name {
        "version" => json!({"type": "integer", "minimum": 1, "maximum": i64::MAX}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

/// A reference to the schema `name`.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
