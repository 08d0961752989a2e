//! From logits to a token: temperature, cuts and the draw itself.

use wharf_infer::language::{Sampling, TokenId};

use super::row::{enough_for, first_maximum, maximum, sum_exp, weight};
use super::select::{Candidate, by_value, select_top};

/// Candidates that are sorted at first; nearly every draw falls on one of them.
const FIRST_CANDIDATES: usize = 64;

/// Room that draws use again and again.
#[derive(Default)]
pub(crate) struct Scratch {
    /// A copy of the row, where something has to be changed in it.
    pub(super) row: Vec<f32>,
    candidates: Vec<Candidate>,
    spare: Vec<Candidate>,
}

/// A distribution over the tokens of a row: e^((x - top) * scale) / total.
#[derive(Clone, Copy)]
struct Weights {
    top: f32,
    scale: f32,
    total: f64,
}

impl Weights {
    fn of(self, value: f32) -> f64 {
        f64::from(weight((value - self.top) * self.scale))
    }
}

/// The token that a number `u` in [0, 1) stands for. `None` if nothing is left to choose from.
///
/// Temperature comes first, then top-k, typical, top-p and min-p, each on what those before it left.
pub(super) fn draw(row: &[f32], sampling: &Sampling, u: f64, scratch: &mut Scratch) -> Option<TokenId> {
    if sampling.temperature == 0.0 || sampling.top_k == 1 {
        return first_maximum(row).map(|token| token as TokenId);
    }
    let top = maximum(row);
    if top == f32::NEG_INFINITY {
        return None;
    }
    // A temperature so small that its reciprocal is infinite is none at all.
    let scale = 1.0 / sampling.temperature;
    if !scale.is_finite() {
        return first_maximum(row).map(|token| token as TokenId);
    }
    let mut weights = Weights { top, scale, total: 0.0 };
    let Scratch { candidates, spare, .. } = scratch;
    let is_whole = sampling.top_k == 0 || sampling.top_k as usize >= row.len();
    if !is_whole || sampling.typical_p < 1.0 {
        let count = if is_whole { row.len() } else { sampling.top_k as usize };
        select_top(row, count, candidates);
        weights.total = candidates.iter().map(|candidate| weights.of(candidate.value)).sum();
        if sampling.typical_p < 1.0 {
            weights.total = cut_to_typical(candidates, spare, weights, sampling.typical_p);
        }
        cut_to_likely(candidates, weights, sampling);
        return pick(candidates, weights, u);
    }
    weights.total = sum_exp(row, top, scale);
    if sampling.top_p >= 1.0 && sampling.min_p <= 0.0 {
        select_top(row, FIRST_CANDIDATES, candidates);
        return Some(pick_of_all(row, candidates, weights, u));
    }
    let mut count = FIRST_CANDIDATES;
    loop {
        select_top(row, count, candidates);
        if cut_to_likely(candidates, weights, sampling) || count >= row.len() {
            return pick(candidates, weights, u);
        }
        let enough = enough_for(row, top, scale, f64::from(sampling.top_p) * weights.total);
        count = (count * 8).max(enough).min(row.len());
    }
}

/// Keeps the likeliest that make up `top_p`, and of those the ones that `min_p` allows. True if one of the cuts fell within
/// the candidates, so that more of them would change nothing.
fn cut_to_likely(candidates: &mut Vec<Candidate>, weights: Weights, sampling: &Sampling) -> bool {
    let enough = f64::from(sampling.top_p) * weights.total;
    let least = f64::from(sampling.min_p) * candidates.first().map_or(0.0, |first| weights.of(first.value));
    let mut mass = 0.0;
    for (place, candidate) in candidates.iter().enumerate() {
        let weight = weights.of(candidate.value);
        let is_cut = sampling.min_p > 0.0 && weight < least;
        let is_enough = sampling.top_p < 1.0 && place > 0 && mass >= enough;
        if is_cut || is_enough {
            candidates.truncate(place);
            return true;
        }
        mass += weight;
    }
    sampling.top_p < 1.0 && mass >= enough
}

/// Keeps the candidates whose information is closest to the expected one and that make up `typical_p`, and says what they
/// weigh together.
fn cut_to_typical(
    candidates: &mut Vec<Candidate>,
    spare: &mut Vec<Candidate>,
    weights: Weights,
    typical_p: f32,
) -> f64 {
    let information = |candidate: &Candidate| {
        weights.total.ln() - f64::from((candidate.value - weights.top) * weights.scale)
    };
    let share = |candidate: &Candidate| weights.of(candidate.value) / weights.total;
    let entropy: f64 = candidates
        .iter()
        .filter(|candidate| share(candidate) > 0.0)
        .map(|candidate| share(candidate) * information(candidate))
        .sum();
    let distance = |candidate: &Candidate| (information(candidate) - entropy).abs();
    candidates.sort_by(|a, b| distance(a).total_cmp(&distance(b)).then_with(|| by_value(a, b)));
    spare.clear();
    let mut mass = 0.0;
    for candidate in candidates.iter() {
        if !spare.is_empty() && mass >= f64::from(typical_p) {
            break;
        }
        mass += share(candidate);
        spare.push(*candidate);
    }
    spare.sort_unstable_by(by_value);
    std::mem::swap(candidates, spare);
    mass * weights.total
}

/// Walks down the candidates until `u` of what they weigh together is reached.
fn pick(candidates: &[Candidate], weights: Weights, u: f64) -> Option<TokenId> {
    let total: f64 = candidates.iter().map(|candidate| weights.of(candidate.value)).sum();
    let mut rest = u * total;
    for candidate in candidates {
        rest -= weights.of(candidate.value);
        if rest < 0.0 {
            return Some(candidate.token);
        }
    }
    candidates.last().map(|candidate| candidate.token)
}

/// The same over a whole row: first down the likeliest, in order, then over all others as they come.
fn pick_of_all(row: &[f32], candidates: &mut [Candidate], weights: Weights, u: f64) -> TokenId {
    let mut rest = u * weights.total;
    let mut last = 0;
    for candidate in candidates.iter() {
        last = candidate.token;
        rest -= weights.of(candidate.value);
        if rest < 0.0 {
            return last;
        }
    }
    candidates.sort_unstable_by_key(|candidate| candidate.token);
    let mut next_known = candidates.iter().map(|candidate| candidate.token as usize).peekable();
    for (token, &value) in row.iter().enumerate() {
        if next_known.next_if_eq(&token).is_some() {
            continue;
        }
        let weight = weights.of(value);
        if weight > 0.0 {
            last = token as TokenId;
        }
        rest -= weight;
        if rest < 0.0 {
            break;
        }
    }
    last
}
