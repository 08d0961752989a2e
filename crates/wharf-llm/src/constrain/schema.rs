//! JSON schemas: what is wrong with one, and where.

use serde_json::{Map, Value, json};

use super::regex;

/// Keywords of JSON Schema that no grammar is made of. Anything else that is unknown is an annotation.
const UNSUPPORTED: [&str; 22] = [
    "$dynamicRef",
    "$recursiveRef",
    "contains",
    "contentSchema",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "x-guidance",
    "$vocabulary",
    "extends",
    "disallow",
    "divisibleBy",
];
/// Counts above this would make grammars that nobody can use.
const MOST_REPEATS: u64 = 10_000;
/// Schemas within a schema, itself among them.
const MOST_SCHEMAS: usize = 5_000;
/// Values of all `enum` in a schema: each takes some ten microseconds to compile.
const MOST_VALUES: usize = 5_000;
/// What a schema stands behind in a grammar.
const IN_GRAMMAR: &str = "%json";
/// How many parts of a schema are compiled on their own to find the one that is wrong.
const MOST_TRIES: usize = 48;

/// Parses a schema.
///
/// # Errors
/// A text for the caller that names the place and the keyword.
pub(super) fn parse(source: &str) -> Result<Value, String> {
    let schema: Value =
        serde_json::from_str(source).map_err(|error| format!("the schema is no JSON: {error}"))?;
    check(&schema, "$", &mut Seen::default())?;
    Ok(schema)
}

/// The schema with the notation that answers are to have: no blanks between the parts of a document, which models could
/// otherwise go on with for ever.
pub(super) fn compact(mut schema: Value) -> Value {
    let options = json!({"whitespace_flexible": false});
    match &mut schema {
        Value::Object(map) => {
            map.insert("x-guidance".to_owned(), options);
            schema
        }
        Value::Bool(true) => json!({"x-guidance": options}),
        _ => schema,
    }
}

/// Looks at the schemas within a grammar: what they cannot have the compiler says, but not what takes too long.
///
/// # Errors
/// A text for the caller that names the place in its schema and the keyword.
pub(super) fn check_within(grammar: &str) -> Result<(), String> {
    let mut seen = Seen { is_in_grammar: true, ..Seen::default() };
    for (place, directive) in grammar.match_indices(IN_GRAMMAR) {
        let (_, rest) = grammar.split_at(place + directive.len());
        // What is no JSON is for the compiler to refuse.
        if let Some(Ok(schema)) = serde_json::Deserializer::from_str(rest).into_iter::<Value>().next() {
            check(&schema, "$", &mut seen)?;
        }
    }
    Ok(())
}

/// What there is in a schema so far.
#[derive(Default)]
struct Seen {
    schemas: usize,
    values: usize,
    is_in_grammar: bool,
}

/// Looks for keywords that are not supported and counts that are too large, before anything is built of them.
fn check(schema: &Value, path: &str, seen: &mut Seen) -> Result<(), String> {
    seen.schemas += 1;
    if seen.schemas > MOST_SCHEMAS {
        return Err(format!("schema at `{path}`: there are more than {MOST_SCHEMAS} schemas in all"));
    }
    let map = match schema {
        Value::Object(map) => map,
        Value::Bool(_) => return Ok(()),
        _ => return Err(format!("schema at `{path}`: expected an object or a boolean")),
    };
    for (keyword, value) in map {
        if !seen.is_in_grammar && UNSUPPORTED.contains(&keyword.as_str()) {
            return Err(format!("schema at `{path}`: keyword `{keyword}` is not supported"));
        }
        check_count(keyword, value, path)?;
        if let Some(values) = value.as_array().filter(|_| keyword == "enum") {
            seen.values += values.len();
            if seen.values > MOST_VALUES {
                let more = seen.values;
                return Err(format!(
                    "schema at `{path}`: keyword `enum` makes {more} values, expected at most {MOST_VALUES} in all"
                ));
            }
        }
        if let Some(pattern) = value.as_str().filter(|_| keyword == "pattern") {
            regex::check(pattern).map_err(|why| format!("schema at `{path}`: keyword `pattern`: {why}"))?;
        }
        if keyword == "$ref" && value.as_str().is_some_and(|target| !target.starts_with('#')) {
            return Err(format!("schema at `{path}`: keyword `$ref` must point into the schema itself"));
        }
    }
    children(map).into_iter().try_for_each(|(step, child)| check(child, &format!("{path}{step}"), seen))
}

fn check_count(keyword: &str, value: &Value, path: &str) -> Result<(), String> {
    let is_count = ["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];
    if !is_count.contains(&keyword) {
        return Ok(());
    }
    match value.as_f64() {
        Some(count) if count >= 0.0 && count <= MOST_REPEATS as f64 => Ok(()),
        _ => Err(format!(
            "schema at `{path}`: keyword `{keyword}` is {value}, expected a number from 0 to {MOST_REPEATS}"
        )),
    }
}

/// The schemas within a schema, with the steps that lead to them.
fn children(map: &Map<String, Value>) -> Vec<(String, &Value)> {
    let mut children = Vec::new();
    for (keyword, value) in map {
        let is_map = ["properties", "patternProperties", "$defs", "definitions"].contains(&keyword.as_str());
        let is_list = ["anyOf", "oneOf", "allOf", "prefixItems", "items"].contains(&keyword.as_str());
        let is_single = ["items", "additionalItems", "additionalProperties"].contains(&keyword.as_str());
        match value {
            Value::Object(inner) if is_map => {
                children.extend(inner.iter().map(|(name, child)| (format!(".{keyword}.{name}"), child)));
            }
            Value::Array(inner) if is_list => {
                let step = |index: usize| format!(".{keyword}[{index}]");
                children.extend(inner.iter().enumerate().map(|(index, child)| (step(index), child)));
            }
            _ if is_single => children.push((format!(".{keyword}"), value)),
            _ => {}
        }
    }
    children
}

/// Finds the smallest part of a schema that does not compile, and the keyword that is to blame; `fails` says why a part
/// does not. Only so many parts are tried.
pub(super) fn locate(schema: &Value, why: &str, fails: &mut dyn FnMut(&Value) -> Option<String>) -> String {
    let mut tries = MOST_TRIES;
    let mut fails = |part: &Value| {
        tries = tries.checked_sub(1)?;
        fails(part)
    };
    let root = schema;
    let (mut at, mut path, mut why) = (schema.clone(), "$".to_owned(), why.to_owned());
    while let Some(map) = at.as_object() {
        let failing = children(map).into_iter().find_map(|(step, child)| {
            let part = with_definitions(child, root);
            fails(&part).map(|why| (step, child.clone(), why))
        });
        let Some((step, child, inner)) = failing else { break };
        (at, why) = (child, inner);
        path += &step;
    }
    let keyword = at.as_object().and_then(|map| {
        map.keys().find(|keyword| {
            let mut rest = map.clone();
            rest.remove(keyword.as_str());
            fails(&with_definitions(&Value::Object(rest), root)).is_none()
        })
    });
    match keyword {
        Some(keyword) => format!("schema at `{path}`: keyword `{keyword}`: {why}"),
        None => format!("schema at `{path}`: {why}"),
    }
}

/// A part of a schema that can stand alone.
fn with_definitions(part: &Value, root: &Value) -> Value {
    let mut part = part.clone();
    if let (Some(part), Some(root)) = (part.as_object_mut(), root.as_object()) {
        for keyword in ["$defs", "definitions", "$schema"] {
            if let Some(value) = root.get(keyword) {
                part.entry(keyword).or_insert_with(|| value.clone());
            }
        }
    }
    part
}
