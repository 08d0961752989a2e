//! What is worth knowing of a model.

use std::collections::BTreeMap;

use crate::model::TOKENS;
use crate::value::TOKEN_KINDS;
use crate::{GgufError, Header, Value};

/// What is worth knowing of a model, as its header says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The architecture (`llama`, `qwen2`, `bert`).
    pub architecture: String,
    /// What the file calls the model.
    pub name: Option<String>,
    /// Tokens that it was trained on at once.
    pub context_length: u64,
    /// Numbers in an embedding.
    pub embedding_length: u64,
    /// Layers.
    pub layers: u64,
    /// Tokens in the vocabulary.
    pub vocabulary_size: u64,
    /// How many weights it has.
    pub parameters: u64,
    /// Bytes of the weights.
    pub weight_bytes: u64,
    /// The quantisation, as llama.cpp names it (`Q4_K_M`).
    pub quantization: String,
    /// The template of chats, in Jinja's notation.
    pub chat_template: Option<String>,
    /// The texts of special tokens by role: `bos`, `eos`, `eot`, `pad`, `unk`.
    pub special_tokens: BTreeMap<String, String>,
    /// The texts of all control tokens.
    pub control_texts: Vec<String>,
    /// Whether it writes text, rather than only reading it.
    pub generates: bool,
    /// Whether it gives a number for how well two texts fit.
    pub ranks: bool,
}

/// Roles of special tokens, with the keys that have them.
const ROLES: [(&str, &str); 5] = [
    ("bos", "tokenizer.ggml.bos_token_id"),
    ("eos", "tokenizer.ggml.eos_token_id"),
    ("eot", "tokenizer.ggml.eot_token_id"),
    ("pad", "tokenizer.ggml.padding_token_id"),
    ("unk", "tokenizer.ggml.unknown_token_id"),
];

/// Architectures that read text in both directions.
const ENCODERS: [&str; 9] = [
    "bert",
    "eurobert",
    "jina-bert-v2",
    "jina-bert-v3",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
];

impl Facts {
    /// Those of a model.
    ///
    /// # Errors
    /// The header is none of a model ([`Header::check_model`]).
    pub fn of(header: &Header) -> Result<Self, GgufError> {
        header.check_model()?;
        let architecture = header.required_text("general.architecture")?.to_owned();
        let size = |key: &str| header.required_size(&format!("{architecture}.{key}"));
        let tensors = header.tensors();
        Ok(Self {
            name: header.text("general.name").map(str::to_owned),
            context_length: size("context_length")?,
            embedding_length: size("embedding_length")?,
            layers: size("block_count")?,
            vocabulary_size: tokens(header).len() as u64,
            parameters: tensors.iter().map(|tensor| tensor.elements).fold(0, u64::saturating_add),
            weight_bytes: tensors.iter().map(|tensor| tensor.size_bytes).fold(0, u64::saturating_add),
            quantization: quantization(header),
            chat_template: header.text("tokenizer.chat_template").map(str::to_owned),
            special_tokens: special_tokens(header),
            control_texts: control_texts(header),
            generates: generates(header, &architecture),
            ranks: pooling(header, &architecture) == Some(RANK),
            architecture,
        })
    }
}

/// llama.cpp's number for the kind of pooling that gives ranks.
const RANK: u64 = 4;

fn pooling(header: &Header, architecture: &str) -> Option<u64> {
    header.get(&format!("{architecture}.pooling_type")).and_then(Value::to_u64)
}

fn generates(header: &Header, architecture: &str) -> bool {
    let is_causal = header.get(&format!("{architecture}.attention.causal"));
    !ENCODERS.contains(&architecture)
        && is_causal != Some(&Value::Bool(false))
        && pooling(header, architecture) != Some(RANK)
}

fn tokens(header: &Header) -> &[String] {
    match header.get(TOKENS) {
        Some(Value::Texts(tokens)) => tokens,
        _ => &[],
    }
}

fn special_tokens(header: &Header) -> BTreeMap<String, String> {
    let tokens = tokens(header);
    let text = |(role, key): (&str, &str)| {
        let token = usize::try_from(header.get(key)?.to_u64()?).ok()?;
        Some((role.to_owned(), tokens.get(token)?.clone()))
    };
    ROLES.into_iter().filter_map(text).collect()
}

fn control_texts(header: &Header) -> Vec<String> {
    /// llama.cpp's numbers for tokens that are unknown or for control.
    const NO_TEXT: [i64; 2] = [2, 3];
    let Some(Value::Integers(kinds)) = header.get(TOKEN_KINDS) else { return Vec::new() };
    let named = tokens(header).iter().zip(kinds).filter(|(_, kind)| NO_TEXT.contains(kind));
    named.map(|(token, _)| token.clone()).collect()
}

/// The name that the file's own number has in llama.cpp, or that of what most of the weights are.
fn quantization(header: &Header) -> String {
    let number = header.get("general.file_type").and_then(Value::to_u64);
    let known = number.and_then(|number| FILE_TYPES.iter().find(|(known, _)| *known == number));
    if let Some((_, name)) = known {
        return (*name).to_owned();
    }
    let mut bytes: BTreeMap<&str, u64> = BTreeMap::new();
    for tensor in header.tensors() {
        let sum = bytes.entry(tensor.element_type.name).or_default();
        *sum = sum.saturating_add(tensor.size_bytes);
    }
    bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(name, _)| name.to_owned()).unwrap_or_default()
}

/// From `llama_ftype` in `llama.h`.
const FILE_TYPES: [(u64, &str); 36] = [
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (19, "IQ2_XXS"),
    (20, "IQ2_XS"),
    (21, "Q2_K_S"),
    (22, "IQ3_XS"),
    (23, "IQ3_XXS"),
    (24, "IQ1_S"),
    (25, "IQ4_NL"),
    (26, "IQ3_S"),
    (27, "IQ3_M"),
    (28, "IQ2_S"),
    (29, "IQ2_M"),
    (30, "IQ4_XS"),
    (31, "IQ1_M"),
    (32, "BF16"),
    (36, "TQ1_0"),
    (37, "TQ2_0"),
    (38, "MXFP4"),
    (39, "NVFP4"),
    (40, "Q1_0"),
    (41, "Q2_0"),
];
