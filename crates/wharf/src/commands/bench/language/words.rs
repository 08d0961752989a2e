//! Text of so many words that nobody has asked with before.

/// Words that every tokeniser knows.
const WORDS: [&str; 32] = [
    "the", "river", "house", "small", "green", "winter", "answer", "table", "of", "and", "under", "light",
    "stone", "city", "often", "music", "to", "letter", "paper", "friend", "between", "early", "garden",
    "water", "is", "written", "long", "morning", "in", "window", "north", "bread",
];

/// So many words, drawn from the seed.
pub(super) fn text(count: usize, seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let word = |_| {
        // The high bits of a linear congruence.
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        WORDS[(state >> 59) as usize]
    };
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_give_texts_of_their_own() {
        assert_eq!(text(400, 7).split(' ').count(), 400);
        assert_eq!(text(50, 7), text(50, 7));
        assert_ne!(text(50, 7), text(50, 8));
    }
}
