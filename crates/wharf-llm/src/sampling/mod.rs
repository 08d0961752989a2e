//! How a token is drawn from logits.
//!
//! Order: logit bias, penalties, what is ruled out (constraint, early end), temperature, top-k, typical, top-p, min-p. The
//! number that decides a draw depends on the seed and on the place in the answer alone, so an answer is the same whatever
//! else is in the batch and however many of its tokens were guessed.

mod chances;
mod draw;
mod penalties;
pub(crate) mod random;
pub(crate) mod row;
pub(crate) mod select;
#[cfg(test)]
mod tests;

use wharf_infer::language::{Sampling, TokenId};

pub(crate) use chances::chances;
pub(crate) use draw::Scratch;
use penalties::Penalties;

/// Draws the tokens of one answer.
pub(crate) struct Sampler {
    sampling: Sampling,
    bias: Vec<(TokenId, f32)>,
    penalties: Option<Penalties>,
    seed: u64,
    drawn: u64,
}

/// The tokens that a draw may give: a bit for each.
pub(crate) type Mask<'a> = &'a [u32];

impl Sampler {
    /// For an answer to `prompt`.
    pub(crate) fn new(sampling: Sampling, seed: u64, prompt: &[TokenId]) -> Self {
        let bias = sampling.logit_bias.iter().map(|(&token, &bias)| (token, bias)).collect();
        let penalties = Penalties::new(&sampling, prompt);
        Self { sampling, bias, penalties, seed, drawn: 0 }
    }

    /// The logit bias, for those who need the model's own distribution.
    pub(crate) fn bias(&self) -> &[(TokenId, f32)] {
        &self.bias
    }

    /// The next token: one that `mask` has and `ruled_out` has not. `None` if there is none.
    pub(crate) fn draw(
        &self,
        logits: &[f32],
        mask: Option<Mask<'_>>,
        ruled_out: &[TokenId],
        scratch: &mut Scratch,
    ) -> Option<TokenId> {
        let u = random::uniform(self.seed, self.drawn);
        if mask.is_none() && ruled_out.is_empty() && self.bias.is_empty() && self.penalties.is_none() {
            return draw::draw(logits, &self.sampling, u, scratch);
        }
        let mut row = std::mem::take(&mut scratch.row);
        copy_allowed(logits, mask, &mut row);
        add_bias(&mut row, &self.bias);
        if let Some(penalties) = &self.penalties {
            penalties.apply(&mut row);
        }
        for &token in ruled_out {
            if let Some(value) = row.get_mut(token as usize) {
                *value = f32::NEG_INFINITY;
            }
        }
        let token = draw::draw(&row, &self.sampling, u, scratch);
        scratch.row = row;
        token
    }

    /// What would be drawn from a row so many tokens ahead, but for the penalties that those before it will bring.
    pub(crate) fn foresee(&self, logits: &[f32], ahead: usize, scratch: &mut Scratch) -> Option<TokenId> {
        let u = random::uniform(self.seed, self.drawn + ahead as u64);
        draw::draw(logits, &self.sampling, u, scratch)
    }

    /// Takes note that a token was appended to the answer.
    pub(crate) fn accept(&mut self, token: TokenId) {
        self.drawn += 1;
        if let Some(penalties) = &mut self.penalties {
            penalties.generated(token);
        }
    }
}

/// Copies a row; what the mask does not have becomes minus infinity.
fn copy_allowed(logits: &[f32], mask: Option<Mask<'_>>, row: &mut Vec<f32>) {
    row.clear();
    let Some(mask) = mask else {
        row.extend_from_slice(logits);
        return;
    };
    row.resize(logits.len(), f32::NEG_INFINITY);
    for ((word, from), to) in mask.iter().zip(logits.chunks(32)).zip(row.chunks_mut(32)) {
        if *word == u32::MAX {
            to.copy_from_slice(from);
            continue;
        }
        let mut bits = *word;
        while bits != 0 {
            let place = bits.trailing_zeros() as usize;
            bits &= bits - 1;
            if let (Some(to), Some(from)) = (to.get_mut(place), from.get(place)) {
                *to = *from;
            }
        }
    }
}

/// Adds a logit bias to a row.
fn add_bias(row: &mut [f32], bias: &[(TokenId, f32)]) {
    for &(token, bias) in bias {
        if let Some(value) = row.get_mut(token as usize) {
            *value += bias;
        }
    }
}
