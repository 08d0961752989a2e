//! Which sequence a request belongs to.

use std::fmt;
use std::sync::Arc;

/// What tells the sequences of one caller apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SequenceId {
    /// A number; 0 is no sequence.
    Number(u64),
    /// A text; an empty one is no sequence.
    Text(Arc<str>),
}

impl SequenceId {
    /// Whether it names a sequence: 0 and the empty text do not.
    pub fn is_set(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0,
            Self::Text(text) => !text.is_empty(),
        }
    }
}

impl fmt::Display for SequenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// What a request says of its sequence: a series of requests between which a model keeps a state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequencePart {
    /// Which sequence it is, where the request says.
    pub id: Option<SequenceId>,
    /// Whether the sequence begins with it.
    pub starts: bool,
    /// Whether the sequence ends with it.
    pub ends: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_nothing_are_no_sequences() {
        let text = |text: &str| SequenceId::Text(text.into());
        let cases = [
            (SequenceId::Number(0), false, "0"),
            (SequenceId::Number(7), true, "7"),
            (text(""), false, ""),
            (text("0"), true, "0"),
        ];
        for (id, is_set, shown) in cases {
            assert_eq!((id.is_set(), id.to_string().as_str()), (is_set, shown));
        }
        assert_ne!(SequenceId::Number(7), text("7"));
    }
}
