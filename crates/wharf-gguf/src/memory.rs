//! How much memory a model will take.

use crate::{Facts, GgufError, Header, Value};

/// How a model is to be opened, as far as it takes memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// Tokens that all sequences together may keep; 0 for as many as the model was trained on.
    pub cells: u64,
    /// How many sequences there may be.
    pub sequences: u64,
    /// Tokens in one pass.
    pub batch: u64,
    /// Bits of a number among the keys: 32, 16, 8 or 4; blocks add half a bit.
    pub key_bits: u64,
    /// The same among the values.
    pub value_bits: u64,
}

impl Default for MemoryPlan {
    fn default() -> Self {
        Self { cells: 0, sequences: 16, batch: 512, key_bits: 16, value_bits: 16 }
    }
}

/// Bytes by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// The weights, mapped from the file.
    pub weights: u64,
    /// The keys and values of all cells.
    pub cache: u64,
    /// What a pass needs besides.
    pub compute: u64,
}

impl Estimate {
    /// All together.
    pub fn total(&self) -> u64 {
        self.weights.saturating_add(self.cache).saturating_add(self.compute)
    }
}

/// What any process with llama.cpp in it takes, and its vocabulary.
const BASE: u64 = 48 << 20;

/// Estimates the memory of a model from its header. The cache is exact for models with attention in every layer, and too
/// much for others; the rest is a little more than what was measured.
///
/// # Errors
/// The header is none of a model ([`Header::check_model`]).
pub fn estimate(header: &Header, plan: &MemoryPlan) -> Result<Estimate, GgufError> {
    let facts = Facts::of(header)?;
    let cells = if plan.cells == 0 { facts.context_length } else { plan.cells };
    Ok(Estimate {
        weights: facts.weight_bytes,
        cache: cache(header, &facts, cells, plan),
        compute: compute(header, &facts, cells, plan),
    })
}

/// Keys and values of every layer for every cell.
fn cache(header: &Header, facts: &Facts, cells: u64, plan: &MemoryPlan) -> u64 {
    if !facts.generates {
        return 0;
    }
    let heads = number(header, facts, "attention.head_count").unwrap_or(1).max(1);
    let head = facts.embedding_length / heads;
    let keys = number(header, facts, "attention.key_length").unwrap_or(head);
    let values = number(header, facts, "attention.value_length").unwrap_or(head);
    let pairs = kv_heads(header, facts, heads);
    let bits_of = |bits: u64| if bits < 16 { bits * 2 + 1 } else { bits * 2 };
    // Half bits, so that blocks with a scale of their own come out whole.
    let half_bits = keys
        .saturating_mul(bits_of(plan.key_bits))
        .saturating_add(values.saturating_mul(bits_of(plan.value_bits)));
    pairs.saturating_mul(half_bits).saturating_mul(cells.next_multiple_of(256)) / 16
}

/// Heads of keys over all layers: one number for each layer, or one for all.
fn kv_heads(header: &Header, facts: &Facts, heads: u64) -> u64 {
    let key = format!("{}.attention.head_count_kv", facts.architecture);
    match header.get(&key) {
        Some(Value::Integers(numbers)) => {
            numbers.iter().map(|number| u64::try_from(*number).unwrap_or(0)).fold(0, u64::saturating_add)
        }
        Some(value) => value.to_u64().unwrap_or(heads).saturating_mul(facts.layers),
        None => heads.saturating_mul(facts.layers),
    }
}

/// The largest results of a pass: the logits, what feeds forward, and the mask of attention; and the logits that are
/// handed out.
fn compute(header: &Header, facts: &Facts, cells: u64, plan: &MemoryPlan) -> u64 {
    let forward = number(header, facts, "feed_forward_length").unwrap_or(4 * facts.embedding_length);
    let wide = facts.embedding_length.saturating_mul(4).saturating_add(forward.saturating_mul(2));
    let row = facts.vocabulary_size.max(wide).saturating_add(wide).saturating_add(cells);
    let pass = plan.batch.saturating_mul(row).saturating_mul(4);
    let logits = plan.sequences.saturating_mul(facts.vocabulary_size).saturating_mul(4);
    pass.saturating_add(logits).saturating_add(BASE)
}

fn number(header: &Header, facts: &Facts, key: &str) -> Option<u64> {
    match header.get(&format!("{}.{key}", facts.architecture))? {
        Value::Integers(numbers) => {
            numbers.iter().copied().max().and_then(|number| u64::try_from(number).ok())
        }
        value => value.to_u64(),
    }
}
