//! What bodies look like.

use serde_json::{Value, json};

use super::operation::reference;

/// Every schema that an operation names, by its name.
pub(super) fn all() -> Value {
    json!({
        "Value": value(),
        "TfsPredict": tfs_predict(),
        "TfsExamples": tfs_examples(),
        "Parameters": parameters(),
        "InferInput": infer_input(),
        "InferOutput": infer_output(),
        "InferRequest": infer_request(),
        "IndexRequest": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
        "RepositoryRequest": {"type": "object", "properties": {"parameters": reference("Parameters")}},
        "Region": region(),
        "GenerateRequest": generate(),
        "LogSettings": log_settings(),
        "TraceSettings": trace_settings(),
        "Traffic": traffic(),
        "Promote": {
            "type": "object",
            "properties": {"version": {"type": "integer", "minimum": 1, "maximum": i64::MAX}},
            "additionalProperties": false,
        },
        "Empty": {"type": "object"},
    })
}

/// Text, and how to go on from it: in an object of its own or beside the text.
fn generate() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "text_input": {"type": "string"},
            "parameters": {
                "type": "object",
                "properties": {
                    "max_tokens": {"type": "integer", "minimum": 1, "maximum": u32::MAX},
                    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
                    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
                    "seed": {"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX},
                    "stop": {"type": "string", "minLength": 1},
                    "stream": {"type": "boolean"},
                },
                "additionalProperties": false,
            },
        },
        "required": ["text_input"],
    })
}

/// An element of a tensor, or a list of what is inside one dimension of it.
fn value() -> Value {
    json!({"anyOf": [
        {"type": ["number", "string", "boolean"]},
        {"type": "object", "properties": {"b64": {"type": "string"}}, "required": ["b64"]},
        {"type": "array", "items": reference("Value")},
    ]})
}

/// Rows in `instances`, or columns in `inputs`, and not both.
fn tfs_predict() -> Value {
    let name = json!({"type": "string"});
    let values = reference("Value");
    let named = json!({"type": "object", "additionalProperties": reference("Value")});
    json!({"oneOf": [
        {
            "type": "object",
            "properties": {
                "signature_name": name,
                "instances": {"type": "array", "items": {"anyOf": [values, named]}, "minItems": 1},
            },
            "required": ["instances"],
        },
        {
            "type": "object",
            "properties": {"signature_name": name, "inputs": {"anyOf": [values, named]}},
            "required": ["inputs"],
        },
    ]})
}

fn tfs_examples() -> Value {
    let example = json!({"type": "object", "additionalProperties": reference("Value")});
    json!({
        "type": "object",
        "properties": {
            "signature_name": {"type": "string"},
            "context": example,
            "examples": {"type": "array", "items": example, "minItems": 1},
        },
        "required": ["examples"],
    })
}

fn parameters() -> Value {
    json!({"type": "object", "additionalProperties": {"type": ["boolean", "number", "string"]}})
}

fn infer_input() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "datatype": {"enum": [
                "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16", "BF16",
                "FP32", "FP64", "BYTES",
            ]},
            "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            "data": {"type": "array", "items": reference("Value")},
            "parameters": reference("Parameters"),
        },
        "required": ["name", "datatype", "shape"],
    })
}

fn infer_output() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "parameters": reference("Parameters")},
        "required": ["name"],
    })
}

fn infer_request() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "parameters": reference("Parameters"),
            "inputs": {"type": "array", "items": reference("InferInput")},
            "outputs": {"type": "array", "items": reference("InferOutput")},
        },
        "required": ["inputs"],
    })
}

fn log_settings() -> Value {
    json!({
        "type": "object",
        "properties": {
            "log_error": {"type": "boolean"},
            "log_warning": {"type": "boolean"},
            "log_info": {"type": "boolean"},
            "log_verbose_level": {"type": "integer", "minimum": 0, "maximum": 2},
            "log_format": {"enum": ["default"]},
        },
    })
}

fn trace_settings() -> Value {
    json!({
        "type": "object",
        "properties": {
            "trace_level": {"type": "array", "items": {"enum": ["OFF", "TIMESTAMPS"]}, "maxItems": 1},
            "trace_rate": {"type": "string", "pattern": "^[0-9]{1,9}$"},
        },
    })
}

fn region() -> Value {
    json!({
        "type": "object",
        "properties": {
            "key": {"type": "string"},
            "offset": {"type": "integer", "minimum": 0},
            "byte_size": {"type": "integer", "minimum": 1},
        },
        "required": ["key", "byte_size"],
    })
}

/// Parts of the requests by version, and what a version must keep to.
fn traffic() -> Value {
    json!({
        "type": "object",
        "properties": {
            "weights": {
                "type": "object",
                "propertyNames": {"pattern": "^[1-9][0-9]{0,17}$"},
                "additionalProperties": {"type": "integer", "minimum": 0, "maximum": u32::MAX},
                "minProperties": 1,
                "maxProperties": 64,
            },
            "sticky_header": {"type": ["string", "null"], "pattern": "^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,128}$"},
            "shadow": {
                "type": ["object", "null"],
                "properties": {
                    "version": {"type": "integer", "minimum": 1, "maximum": i64::MAX},
                    "share": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "absolute_tolerance": {"type": ["number", "null"], "minimum": 0},
                    "relative_tolerance": {"type": ["number", "null"], "minimum": 0},
                },
                "required": ["version"],
                "additionalProperties": false,
            },
            "rollback": {
                "type": ["object", "null"],
                "properties": {
                    "max_error_rate": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                    "max_p99_ms": {"type": ["number", "null"], "minimum": 0.001, "maximum": 86_400_000},
                    "window": {"type": ["integer", "null"], "minimum": 1, "maximum": 1_000_000},
                },
                "additionalProperties": false,
            },
        },
        "required": ["weights"],
        "additionalProperties": false,
    })
}
