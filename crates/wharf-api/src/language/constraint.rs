//! What an answer must look like, in the words of OpenAI and of vLLM.

use serde_json::Value;
use wharf_infer::language::Constraint;

use super::{Fields, Refusal};

/// Bytes of a schema, a grammar, or of choices together.
pub(crate) const MAX_SCHEMA: usize = 64 << 10;
/// Tools of a request.
pub(crate) const MAX_TOOLS: usize = 128;
/// Bytes of a regular expression.
const MAX_REGEX: usize = 4 << 10;

/// A constraint, and the field that asked for it.
pub(crate) type Asked = Option<(Constraint, &'static str)>;

/// The constraint of a request, from the one field that may name it.
///
/// # Errors
/// A field is wrong, or there are two of them.
pub(crate) fn read_constraint(fields: &mut Fields) -> Result<Asked, Refusal> {
    let mut asked = Vec::new();
    asked.extend(read_response_format(fields)?.map(|constraint| (constraint, "response_format")));
    if let Some(mut outputs) = fields.object("structured_outputs")? {
        let constraints = read_kinds(&mut outputs, ["json", "regex", "choice", "grammar"])?;
        let any = outputs.boolean("json_object")?.unwrap_or(false).then_some(Constraint::JsonObject);
        outputs.finish()?;
        asked.extend(constraints.into_iter().chain(any).map(|one| (one, "structured_outputs")));
    }
    let guided = read_kinds(fields, ["guided_json", "guided_regex", "guided_choice", "guided_grammar"])?;
    asked.extend(guided.into_iter().map(|one| (one, "guided_json")));
    match asked.len() {
        0 | 1 => Ok(asked.pop()),
        _ => Err(Refusal::field(
            asked.last().map_or("response_format", |(_, name)| name),
            "is a second constraint, expected one",
        )),
    }
}

fn read_response_format(fields: &mut Fields) -> Result<Option<Constraint>, Refusal> {
    let Some(mut format) = fields.object("response_format")? else { return Ok(None) };
    let kind = format.required_text("type")?;
    let constraint = match kind.as_str() {
        "text" => None,
        "json_object" => Some(Constraint::JsonObject),
        "json_schema" => Some(read_schema(&mut format)?),
        _ => {
            let text = format!(
                "is `{}`, expected `text`, `json_object` or `json_schema`",
                crate::shown::shown(&kind)
            );
            return Err(format.refused("type", &text));
        }
    };
    format.finish()?;
    Ok(constraint)
}

fn read_schema(format: &mut Fields) -> Result<Constraint, Refusal> {
    let Some(mut schema) = format.object("json_schema")? else {
        return Err(format.refused("json_schema", "is missing, expected an object"));
    };
    read_schema_fields(&mut schema).and_then(|constraint| schema.finish().map(|()| constraint))
}

/// `name`, `description`, `schema`, `strict`: the schema is kept whether it is strict or not.
pub(crate) fn read_schema_fields(fields: &mut Fields) -> Result<Constraint, Refusal> {
    let name = fields.required_text("name")?;
    let is_plain = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'_' || letter == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        return Err(fields.refused("name", "is wrong, expected 1 to 64 letters, digits, `_` and `-`"));
    }
    fields.text("description")?;
    fields.boolean("strict")?;
    match fields.take("schema") {
        None => Ok(Constraint::JsonObject),
        Some(schema @ (Value::Object(_) | Value::Bool(_))) => {
            bounded(fields, "schema", schema.to_string(), MAX_SCHEMA).map(Constraint::JsonSchema)
        }
        Some(other) => Err(fields.wrong("schema", &other, "an object")),
    }
}

/// The text of a field, held to so many bytes: compiling it is work.
///
/// # Errors
/// It has more.
pub(crate) fn bounded(fields: &Fields, name: &str, text: String, most: usize) -> Result<String, Refusal> {
    check_bytes(fields, name, text.len(), most).map(|()| text)
}

/// Holds a field to so many bytes.
///
/// # Errors
/// It has more.
fn check_bytes(fields: &Fields, name: &str, bytes: usize, most: usize) -> Result<(), Refusal> {
    match bytes > most {
        true => Err(fields.refused(name, &format!("has {bytes} bytes, expected at most {most}"))),
        false => Ok(()),
    }
}

/// A schema, a regular expression, a list of choices and a grammar, under these names.
fn read_kinds(
    fields: &mut Fields,
    [json, regex, choice, grammar]: [&str; 4],
) -> Result<Vec<Constraint>, Refusal> {
    let mut constraints = Vec::new();
    let schema = match fields.take(json) {
        None => None,
        // Some clients send the schema as text.
        Some(Value::String(schema)) => Some(schema),
        Some(schema @ (Value::Object(_) | Value::Bool(_))) => Some(schema.to_string()),
        Some(other) => return Err(fields.wrong(json, &other, "a schema")),
    };
    if let Some(schema) = schema {
        constraints.push(Constraint::JsonSchema(bounded(fields, json, schema, MAX_SCHEMA)?));
    }
    if let Some(expression) = fields.text(regex)? {
        constraints.push(Constraint::Regex(bounded(fields, regex, expression, MAX_REGEX)?));
    }
    if let Some(text) = fields.text(grammar)? {
        constraints.push(Constraint::Grammar(bounded(fields, grammar, text, MAX_SCHEMA)?));
    }
    if let Some(choices) = fields.list(choice)? {
        let texts: Option<Vec<String>> = choices.iter().map(|one| one.as_str().map(str::to_owned)).collect();
        match texts.filter(|texts| !texts.is_empty()) {
            Some(texts) => {
                check_bytes(fields, choice, texts.iter().map(String::len).sum(), MAX_SCHEMA)?;
                constraints.push(Constraint::Choice(texts));
            }
            None => {
                return Err(fields.refused(choice, "is wrong, expected a list of strings, and at least one"));
            }
        }
    }
    Ok(constraints)
}
