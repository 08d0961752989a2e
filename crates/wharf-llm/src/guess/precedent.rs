//! Where the end of a text has occurred before in it.

use std::collections::HashMap;

use wharf_infer::language::TokenId;

/// The places of all runs of a few tokens in a text that grows.
pub(super) struct Precedents {
    length: usize,
    /// Where each run last ended.
    ends: HashMap<u64, u32>,
    /// Tokens that are in.
    known: usize,
}

impl Precedents {
    /// Runs of so many tokens.
    pub(super) fn new(length: usize) -> Self {
        Self { length: length.max(1), ends: HashMap::new(), known: 0 }
    }

    /// What came after the last occurrence of the text's end before this one: the place where it begins.
    pub(super) fn find(&mut self, tokens: &[TokenId]) -> Option<usize> {
        let end = tokens.len();
        if end < self.length {
            return None;
        }
        for place in self.known.max(self.length)..end {
            self.ends.insert(key(&tokens[place - self.length..place]), place as u32);
        }
        self.known = self.known.max(end);
        let run = &tokens[end - self.length..];
        let found = self.ends.get(&key(run)).map(|&place| place as usize);
        // Two runs may have the same key.
        found.filter(|&place| place < end && tokens[place - self.length..place] == *run)
    }
}

/// A number for a run of tokens.
fn key(run: &[TokenId]) -> u64 {
    run.iter().fold(0xCBF2_9CE4_8422_2325, |hash, &token| {
        (hash ^ u64::from(token)).wrapping_mul(0x0100_0000_01B3).rotate_left(23)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_latest_occurrence_before_the_end() {
        let mut precedents = Precedents::new(2);
        assert_eq!(precedents.find(&[1]), None);
        let text = [1, 2, 3, 1, 2, 4, 5, 1, 2];
        assert_eq!(precedents.find(&text[..2]), None);
        assert_eq!(precedents.find(&text[..5]), Some(2));
        assert_eq!(precedents.find(&text[..6]), None);
        assert_eq!(precedents.find(&text), Some(5));
    }

    #[test]
    fn a_repeated_token_is_its_own_precedent() {
        let mut precedents = Precedents::new(2);
        assert_eq!(precedents.find(&[7, 7, 7]), Some(2));
    }
}
