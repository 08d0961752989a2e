//! Probabilities of tokens by the model itself.

use wharf_infer::language::{GeneratedToken, TokenChance, TokenId};

use super::draw::Scratch;
use super::row::{maximum, sum_exp};
use super::select::{Candidate, select_top};
use crate::Vocabulary;

/// The logarithm of a chosen token's probability and the `top` likeliest beside it, before temperature, penalties and cuts
/// but after the logit bias.
pub(crate) fn chances(
    logits: &[f32],
    bias: &[(TokenId, f32)],
    chosen: TokenId,
    top: usize,
    vocabulary: &dyn Vocabulary,
    scratch: &mut Scratch,
) -> GeneratedToken {
    let mut row = std::mem::take(&mut scratch.row);
    let values = if bias.is_empty() {
        logits
    } else {
        row.clear();
        row.extend_from_slice(logits);
        super::add_bias(&mut row, bias);
        &row
    };
    let largest = maximum(values);
    let norm = f64::from(largest) + sum_exp(values, largest, 1.0).ln();
    let chance = |token: TokenId, value: f32| TokenChance {
        token,
        bytes: vocabulary.bytes(token).to_vec(),
        logprob: (f64::from(value) - norm) as f32,
    };
    let mut likeliest: Vec<Candidate> = Vec::new();
    select_top(values, top, &mut likeliest);
    let value = values.get(chosen as usize).copied().unwrap_or(f32::NEG_INFINITY);
    let token = GeneratedToken {
        chosen: chance(chosen, value),
        top: likeliest.iter().map(|candidate| chance(candidate.token, candidate.value)).collect(),
    };
    scratch.row = row;
    token
}
