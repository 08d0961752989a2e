//! Penalties for tokens that occurred already.

use std::collections::HashMap;

use wharf_infer::language::{Sampling, TokenId};

/// What occurred so far, and what that costs.
pub(super) struct Penalties {
    repetition: f32,
    frequency: f32,
    presence: f32,
    /// How often each token was generated; 0 for those that only the prompt has.
    seen: HashMap<TokenId, u32>,
}

impl Penalties {
    /// `None` if nothing is penalised.
    pub(super) fn new(sampling: &Sampling, prompt: &[TokenId]) -> Option<Self> {
        let repetition = sampling.repetition_penalty;
        let (frequency, presence) = (sampling.frequency_penalty, sampling.presence_penalty);
        if repetition == 1.0 && frequency == 0.0 && presence == 0.0 {
            return None;
        }
        let counts_prompt = repetition != 1.0;
        let seen = prompt.iter().filter(|_| counts_prompt).map(|&token| (token, 0)).collect();
        Some(Self { repetition, frequency, presence, seen })
    }

    pub(super) fn generated(&mut self, token: TokenId) {
        *self.seen.entry(token).or_insert(0) += 1;
    }

    pub(super) fn apply(&self, row: &mut [f32]) {
        for (&token, &count) in &self.seen {
            let Some(value) = row.get_mut(token as usize) else { continue };
            if self.repetition != 1.0 {
                *value = if *value > 0.0 { *value / self.repetition } else { *value * self.repetition };
            }
            *value -= self.frequency * count as f32;
            if count > 0 {
                *value -= self.presence;
            }
        }
    }
}
