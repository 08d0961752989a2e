//! What a model needs besides a header that is whole.

use crate::value::TOKEN_KINDS;
use crate::{GgufError, Header, Value};

/// Layers, experts and the like are below this in llama.cpp's own arrays.
const MAX_LAYERS: u64 = 512;

impl Header {
    /// Looks for what llama.cpp takes for granted or ends the process for in a model.
    ///
    /// # Errors
    /// The file is an adapter or one part of a model, or its metadata contradict each other.
    pub fn check_model(&self) -> Result<(), GgufError> {
        self.check_kind("model")?;
        let architecture = self.required_text("general.architecture")?;
        if architecture.is_empty() || architecture.len() > 64 {
            return Err(GgufError::malformed("key `general.architecture` has no name of 1 to 64 bytes"));
        }
        if let Some(parts) = self.get("split.count").and_then(Value::to_u64).filter(|parts| *parts > 1) {
            return Err(GgufError::unsupported(format!(
                "the model is one of {parts} parts, expected a single file: join them with `llama-gguf-split --merge`"
            )));
        }
        let layers = self.required_size(&format!("{architecture}.block_count"))?;
        if layers == 0 || layers > MAX_LAYERS {
            return Err(GgufError::malformed(format!(
                "key `{architecture}.block_count` is {layers}, expected 1 to {MAX_LAYERS}"
            )));
        }
        for key in ["context_length", "embedding_length"] {
            let key = format!("{architecture}.{key}");
            if self.required_size(&key)? == 0 {
                return Err(GgufError::malformed(format!("key `{key}` is 0")));
            }
        }
        if self.tensors().is_empty() {
            return Err(GgufError::malformed("the model has no tensors"));
        }
        self.check_vocabulary()
    }

    /// Looks for what is not so in a LoRA adapter.
    ///
    /// # Errors
    /// The file is a model, or has no tensors.
    pub fn check_adapter(&self) -> Result<(), GgufError> {
        self.check_kind("adapter")?;
        self.required_text("general.architecture")?;
        if self.tensors().is_empty() {
            return Err(GgufError::malformed("the adapter has no tensors"));
        }
        match self.required_text("adapter.type")? {
            "lora" => Ok(()),
            kind => Err(GgufError::unsupported(format!("an adapter of type `{kind}`, expected `lora`"))),
        }
    }

    fn check_kind(&self, expected: &str) -> Result<(), GgufError> {
        // Older files do not say that they are models.
        match self.text("general.type").unwrap_or("model") {
            kind if kind == expected => Ok(()),
            kind => {
                Err(GgufError::unsupported(format!("the file is of type `{kind}`, expected `{expected}`")))
            }
        }
    }

    /// The arrays of a vocabulary belong together, and special tokens are within it.
    fn check_vocabulary(&self) -> Result<(), GgufError> {
        if self.text("tokenizer.ggml.model").is_none_or(|model| model == "none" || model == "no_vocab") {
            return Err(GgufError::unsupported("the model has no vocabulary"));
        }
        let tokens = match self.get(TOKENS) {
            Some(Value::Texts(tokens)) if !tokens.is_empty() => tokens.len(),
            _ => return Err(GgufError::malformed(format!("key `{TOKENS}` has no texts"))),
        };
        for key in ["tokenizer.ggml.scores", TOKEN_KINDS] {
            let length = self.get(key).map(|value| value.array_length().unwrap_or(0));
            if let Some(length) = length.filter(|length| *length != tokens) {
                return Err(GgufError::malformed(format!(
                    "key `{key}` has {length} elements, expected {tokens} as `{TOKENS}`"
                )));
            }
        }
        self.check_element_types()?;
        for (key, value) in self.metadata() {
            let is_token = key.starts_with("tokenizer.ggml.") && key.ends_with("_token_id");
            let number = value.to_u64();
            // llama.cpp takes the largest number of 32 bits for none.
            if is_token && number.is_none_or(|token| token >= tokens as u64 && token != u64::from(u32::MAX)) {
                return Err(GgufError::malformed(format!(
                    "key `{key}` is {value:?}, expected a token below {tokens}"
                )));
            }
        }
        Ok(())
    }

    /// llama.cpp reads these arrays without a look at their type.
    fn check_element_types(&self) -> Result<(), GgufError> {
        const FLOATS: u32 = 6;
        match self.get("tokenizer.ggml.scores") {
            None | Some(Value::Array { kind: FLOATS, .. }) => {}
            Some(value) => return Err(wrong("tokenizer.ggml.scores", value, "an array of 32-bit floats")),
        }
        match self.get(TOKEN_KINDS) {
            None | Some(Value::Integers(_)) => {}
            Some(value) => return Err(wrong(TOKEN_KINDS, value, "an array of integers")),
        }
        match self.get("tokenizer.ggml.merges") {
            None | Some(Value::Texts(_)) => Ok(()),
            Some(value) => Err(wrong("tokenizer.ggml.merges", value, "an array of texts")),
        }
    }

    pub(crate) fn required_text(&self, key: &str) -> Result<&str, GgufError> {
        let value = self.required(key)?;
        value.as_text().ok_or_else(|| wrong(key, value, "a text"))
    }

    pub(crate) fn required_size(&self, key: &str) -> Result<u64, GgufError> {
        let value = self.required(key)?;
        value.to_u64().ok_or_else(|| wrong(key, value, "an integer from 0"))
    }

    fn required(&self, key: &str) -> Result<&Value, GgufError> {
        self.get(key).ok_or_else(|| GgufError::malformed(format!("key `{key}` is missing")))
    }
}

/// The key of the tokens' texts.
pub(crate) const TOKENS: &str = "tokenizer.ggml.tokens";

fn wrong(key: &str, value: &Value, expected: &str) -> GgufError {
    GgufError::malformed(format!("key `{key}` is {}, expected {expected}", value.kind_name()))
}
