//! The document that says what each HTTP port answers, in OpenAPI's words: `GET /openapi.json`.
//!
//! It is built from tables of the routes, so that a client generator, or a fuzzer, sees what this port does and
//! nothing that another one does.

mod language;
mod operation;
mod schemas;
mod tables;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use self::operation::Operation;

/// Where every HTTP port has it.
pub(crate) const PATH: &str = "/openapi.json";

/// A protocol that a port answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// TensorFlow Serving's REST interface.
    Tfs,
    /// The Open Inference Protocol.
    Oip,
    /// KServe's first protocol.
    Kserve,
    /// What operators ask.
    Admin,
    /// Language models.
    Language,
}

impl Part {
    fn operations(self) -> &'static [Operation] {
        match self {
            Part::Tfs => tables::TFS,
            Part::Oip => tables::OIP,
            Part::Kserve => tables::KSERVE,
            Part::Admin => tables::ADMIN,
            Part::Language => language::OPERATIONS,
        }
    }
}

/// The document of a port that answers `parts`, and the probes that every port does.
pub(crate) fn document(parts: &[Part]) -> Bytes {
    let mut paths = Map::new();
    let operations = parts.iter().flat_map(|part| part.operations()).chain(tables::COMMON);
    for operation in operations {
        let path = paths.entry(operation.path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = path {
            methods.insert(operation.method.to_owned(), operation.describe());
        }
    }
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Wharf",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What this port answers. Tensors may also be sent and returned as raw bytes: see the \
                            documentation of the Open Inference Protocol's binary data extension.",
        },
        "paths": paths,
        "components": {"schemas": all_schemas()},
    });
    document.to_string().into()
}

/// Every schema that an operation may name.
fn all_schemas() -> Value {
    let mut schemas = schemas::all();
    if let (Value::Object(schemas), Value::Object(more)) = (&mut schemas, language::schemas()) {
        schemas.extend(more);
    }
    schemas
}
