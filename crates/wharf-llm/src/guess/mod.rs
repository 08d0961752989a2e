//! Tokens guessed ahead and checked together in one pass.
//!
//! A guess is right if it is the token that would have been drawn anyway: the number that decides a draw depends on the
//! place in the answer alone, so the answer is the same with guesses and without, greedy or not. Guesses come from the text
//! so far where its end has occurred before, else from a smaller model; each source is judged for each answer by what it
//! costs and earns.

mod draft;
mod judge;
mod precedent;

use wharf_infer::language::TokenId;

use crate::GuessConfig;
pub(crate) use draft::Draft;
use judge::Judge;
use precedent::Precedents;

/// Where guesses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Text,
    Draft,
}

/// Guesses for one answer.
pub(crate) struct Guesser {
    config: GuessConfig,
    precedents: Precedents,
    guesses: Vec<TokenId>,
    source: Source,
    text: Judge,
    draft: Judge,
}

impl Guesser {
    pub(crate) fn new(config: GuessConfig) -> Self {
        Self {
            config,
            precedents: Precedents::new(config.least_match),
            guesses: Vec::new(),
            source: Source::Text,
            text: Judge::default(),
            draft: Judge::default(),
        }
    }

    /// What is guessed to follow.
    pub(crate) fn guesses(&self) -> &[TokenId] {
        &self.guesses
    }

    /// Looks the end of a text up in what came before it. `price` is what a guess costs, as a share of what a token does
    /// that is not guessed.
    pub(crate) fn look_up(&mut self, tokens: &[TokenId], most: usize, price: f64) {
        self.guesses.clear();
        self.source = Source::Text;
        if !self.config.from_text {
            return;
        }
        self.text.set_price(price);
        let most = self.text.length(price).min(most).min(self.config.most);
        let found = self.precedents.find(tokens);
        if let Some(place) = found.filter(|_| most > 0) {
            self.guesses.extend(tokens.iter().skip(place).take(most));
        }
    }

    /// How many tokens a smaller model should guess.
    pub(crate) fn wanted_of_draft(&mut self, most: usize, price: f64) -> usize {
        if !self.guesses.is_empty() {
            return 0;
        }
        self.draft.set_price(price);
        self.draft.length(price).min(most).min(self.config.most)
    }

    /// Adds a guess of the smaller model.
    pub(crate) fn push(&mut self, token: TokenId) {
        self.source = Source::Draft;
        self.guesses.push(token);
    }

    /// Takes note of how many of the checked guesses were right, after a token that was not guessed.
    pub(crate) fn learn(&mut self, checked: usize, right: usize) {
        self.guesses.clear();
        let (used, other) = match self.source {
            Source::Text => (&mut self.text, &mut self.draft),
            Source::Draft => (&mut self.draft, &mut self.text),
        };
        used.learn(checked, right);
        other.learn(0, right);
    }
}
