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
    Operation::post("/v1/responses", "continue a chat that is remembered", "ResponseRequest").also(CALL),
    Operation::post("/v1/responses/input_tokens", "count the tokens of such a request", "ResponseRequest")
        .also(CALL),
    Operation::get("/v1/responses/{response}", "what was answered"),
    Operation::delete("/v1/responses/{response}", "forget what was answered"),
    Operation::get("/v1/responses/{response}/input_items", "what was asked"),
    Operation::get("/v1/files", "the files that are kept").also(&[501]),
    Operation::get("/v1/files/{file}", "what is known of a file").also(&[501]),
    Operation::get("/v1/files/{file}/content", "what is in a file").also(&[501]),
    Operation::delete("/v1/files/{file}", "forget a file").also(&[501]),
    Operation::get("/v1/batches", "the batches").also(&[501]),
    Operation::post(
        "/v1/batches",
        "answer a file of requests when there is nothing more urgent",
        "BatchRequest",
    )
    .also(&[501]),
    Operation::get("/v1/batches/{batch}", "how far a batch is").also(&[501]),
    Operation::post("/v1/batches/{batch}/cancel", "stop a batch", "Empty").also(&[501]),
    Operation::post("/v1/messages", "answer a message, as Anthropic does", "MessageRequest").also(CALL),
    Operation::post("/v1/messages/count_tokens", "count the tokens of a message", "MessageRequest")
        .also(CALL),
    Operation::post("/api/chat", "continue a chat, as Ollama does", "OllamaRequest").also(CALL),
    Operation::post("/api/generate", "continue a text, as Ollama does", "OllamaRequest").also(CALL),
    Operation::post("/api/embed", "turn texts into vectors, as Ollama does", "EmbeddingRequest").also(CALL),
    Operation::post("/api/pull", "get a model from elsewhere, as Ollama does", "PullRequest")
        .also(&[403, 413, 415, 501, 503]),
    Operation::post("/api/copy", "give a model another name as well, as Ollama does", "CopyRequest")
        .also(&[403, 413, 415, 501, 503]),
    Operation::post("/api/show", "what is known of a model, as Ollama does", "OllamaRequest"),
    Operation::get("/api/tags", "the models, as Ollama lists them"),
    Operation::get("/api/ps", "the models that are loaded, as Ollama lists them"),
    Operation::get("/api/version", "the version of the server, as Ollama says it"),
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
        "ResponseRequest": {
            "type": "object",
            "properties": {"model": {"type": "string"}, "input": {"type": "string"}, "max_output_tokens": whole(1)},
            "required": ["model", "input"],
        },
        "BatchRequest": {
            "type": "object",
            "properties": {
                "input_file_id": {"type": "string"},
                "endpoint": {"type": "string"},
                "completion_window": {"enum": ["24h"]},
                "metadata": {"type": "object"},
            },
            "required": ["input_file_id", "endpoint"],
            "additionalProperties": false,
        },
        "MessageRequest": {
            "type": "object",
            "properties": {
                "model": {"type": "string"},
                "max_tokens": whole(1),
                "messages": {"type": "array", "items": reference("Message"), "minItems": 1},
            },
            "required": ["model", "max_tokens", "messages"],
        },
        "OllamaRequest": {
            "type": "object",
            "properties": {"model": {"type": "string"}, "prompt": {"type": "string"}},
            "required": ["model"],
        },
        "PullRequest": {
            "type": "object",
            "properties": {"model": {"type": "string"}, "insecure": {"enum": [false]}, "stream": {"type": "boolean"}},
            "required": ["model"],
        },
        "CopyRequest": {
            "type": "object",
            "properties": {"source": {"type": "string"}, "destination": {"type": "string"}},
            "required": ["source", "destination"],
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
