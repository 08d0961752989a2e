//! Tokens guessed ahead and checked together in one pass.
//!
//! A guess is right if it is the token that would have been drawn anyway: the number that decides a draw depends on the
//! place in the answer alone, so the answer is the same with guesses and without, greedy or not.

use wharf_infer::language::TokenId;

use crate::{Decoder, GuessConfig};

/// Guesses for one answer.
pub(crate) struct Guesser {
    guesses: Vec<TokenId>,
}

impl Guesser {
    pub(crate) fn new(_config: GuessConfig) -> Self {
        Self { guesses: Vec::new() }
    }

    /// What is guessed to follow.
    pub(crate) fn guesses(&self) -> &[TokenId] {
        &self.guesses
    }

    /// Takes note of how many of the checked guesses were right.
    pub(crate) fn learn(&mut self, _checked: usize, _right: usize) {
        self.guesses.clear();
    }
}

/// A smaller model that guesses.
pub(crate) struct Draft {
    _decoder: Box<dyn Decoder + Send>,
}

impl Draft {
    pub(crate) fn new(decoder: Box<dyn Decoder + Send>) -> Self {
        Self { _decoder: decoder }
    }

    pub(crate) fn forget(&mut self, _order: u64) {}
}
