//! Which versions of a model are served.

use std::collections::BTreeSet;

/// Which of the versions that a source holds are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionPolicy {
    /// The newest so many; 0 counts as 1.
    Latest(usize),
    /// All of them.
    All,
    /// Just these, where they are there.
    Specific(BTreeSet<u64>),
}

impl Default for VersionPolicy {
    fn default() -> Self {
        VersionPolicy::Latest(1)
    }
}

impl VersionPolicy {
    /// Those of `found` that are to be served.
    pub(crate) fn choose(&self, found: &BTreeSet<u64>) -> BTreeSet<u64> {
        match self {
            VersionPolicy::Latest(count) => found.iter().rev().take((*count).max(1)).copied().collect(),
            VersionPolicy::All => found.clone(),
            VersionPolicy::Specific(wanted) => found.intersection(wanted).copied().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_choose_among_what_is_there() {
        let set = |versions: &[u64]| versions.iter().copied().collect::<BTreeSet<_>>();
        for (policy, found, expected) in [
            (VersionPolicy::default(), set(&[1, 2, 10]), set(&[10])),
            (VersionPolicy::Latest(2), set(&[1, 2, 10]), set(&[2, 10])),
            (VersionPolicy::Latest(0), set(&[1, 2]), set(&[2])),
            (VersionPolicy::Latest(9), set(&[1, 2]), set(&[1, 2])),
            (VersionPolicy::All, set(&[1, 2]), set(&[1, 2])),
            (VersionPolicy::Specific(set(&[2, 3])), set(&[1, 2]), set(&[2])),
            (VersionPolicy::default(), set(&[]), set(&[])),
        ] {
            assert_eq!(policy.choose(&found), expected, "{policy:?}");
        }
    }
}
