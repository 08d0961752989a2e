//! What the port answers for language models.

use serde_json::{Value, json};

use super::operation::{Operation, reference};

/// What asking a model may answer, beside the usual.
const CALL: &[u16] = &[413, 415, 429, 500, 503, 504];

/// The routes.
pub(super) const OPERATIONS: &[Operation] = &[
    Operation::post("/v1/chat/completions", "continue a chat", "ChatRequest").also(CALL),
    Operation::post("/v1/completions", "continue a text", "CompletionRequest").also(CALL),
    Operation::post("/v1/embeddings", "turn texts into vectors", "EmbeddingRequest").also(CALL),
    Operation::post("/v1/rerank", "rank documents for a question", "RerankRequest").also(CALL),
    Operation::post("/tokenize", "turn a text into tokens", "TokenizeRequest").also(CALL),
    Operation::post("/detokenize", "turn tokens into a text", "DetokenizeRequest").also(CALL),
    Operation::get("/tokenizer_info", "the special tokens and the template of a model")
        .also(&[400, 404, 503]),
    Operation::delete("/v1/models/{model}", "take a model away").also(&[403, 501]),
];

/// The schemas of their bodies.
pub(super) fn schemas() -> Value {
    json!({
        "ChatRequest": chat(),
        "Message": message(),
        "Prompt": prompt(),
        "CompletionRequest": {
            "type": "object",
            "properties": {"model": {"type": "string"}, "prompt": reference("Prompt"), "max_tokens": whole(1)},
            "required": ["model", "prompt"],
        },
        "EmbeddingRequest": {
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                "input": reference("Prompt"),
                "encoding_format": {"enum": ["float", "base64"]},
                "dimensions": whole(1),
                "user": {"type": "string"},
            },
            "required": ["model", "input"],
            "additionalProperties": false,
        },
        "RerankRequest": {
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                "query": {"type": "string"},
                "documents": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "top_n": whole(1),
                "return_documents": {"type": "boolean"},
            },
            "required": ["model", "query", "documents"],
            "additionalProperties": false,
        },
        "TokenizeRequest": {
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                "prompt": {"type": "string"},
                "add_special_tokens": {"type": "boolean"},
                "return_token_strs": {"type": "boolean"},
            },
            "required": ["prompt"],
            "additionalProperties": false,
        },
        "DetokenizeRequest": {
            "type": "object",
            "properties": {"model": {"type": "string"}, "tokens": {"type": "array", "items": whole(0)}},
            "required": ["tokens"],
            "additionalProperties": false,
        },
    })
}

fn whole(least: u32) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": u32::MAX})
}

fn prompt() -> Value {
    let tokens = json!({"type": "array", "items": whole(0), "minItems": 1});
    json!({"anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 512},
        tokens,
        {"type": "array", "items": tokens, "minItems": 1, "maxItems": 512},
    ]})
}

fn message() -> Value {
    json!({
        "type": "object",
        "properties": {
            "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
            "content": {"type": "string"},
            "name": {"type": "string"},
        },
        "required": ["role", "content"],
    })
}

/// Every field is named in the documentation; these are the common ones.
fn chat() -> Value {
    let number = |least: f64, most: f64| json!({"type": "number", "minimum": least, "maximum": most});
    json!({
        "type": "object",
        "properties": {
            "model": {"type": "string"},
            "messages": {"type": "array", "items": reference("Message"), "minItems": 1},
            "max_completion_tokens": whole(1),
            "n": {"type": "integer", "minimum": 1, "maximum": 128},
            "temperature": number(0.0, 2.0),
            "top_p": number(0.0, 1.0),
            "frequency_penalty": number(-2.0, 2.0),
            "presence_penalty": number(-2.0, 2.0),
            "seed": {"type": "integer"},
            "stop": {"type": "array", "items": {"type": "string", "minLength": 1}, "maxItems": 16},
            "stream": {"type": "boolean"},
            "tools": {"type": "array", "items": {"type": "object"}},
            "response_format": {"type": "object"},
        },
        "required": ["model", "messages"],
    })
}
