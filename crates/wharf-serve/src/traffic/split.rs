//! Which version the next request goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::served::ServedModel;

/// The versions that share the requests, as they answered at one moment.
pub(crate) struct Split {
    /// Each with the end of its part.
    parts: Vec<(u64, Arc<ServedModel>)>,
    turn: AtomicU64,
}

impl Split {
    /// `None` where none of the weighted versions answers.
    pub(crate) fn new(answering: impl Iterator<Item = (u32, Arc<ServedModel>)>) -> Option<Self> {
        let mut end = 0;
        let parts: Vec<_> = answering
            .filter(|(weight, _)| *weight > 0)
            .map(|(weight, served)| {
                end += u64::from(weight);
                (end, served)
            })
            .collect();
        (!parts.is_empty()).then(|| Self { parts, turn: AtomicU64::new(0) })
    }

    /// The version for the next request; for one with a key, the version of that key.
    pub(crate) fn pick(&self, key: Option<&str>) -> Option<&Arc<ServedModel>> {
        let point = key.map_or_else(|| spread(self.turn.fetch_add(1, Ordering::Relaxed)), hash);
        let total = self.parts.last()?.0;
        let place = (u128::from(point) * u128::from(total)) >> 64;
        self.parts.iter().find(|(end, _)| place < u128::from(*end)).map(|(_, served)| served)
    }
}

/// Multiples of the golden ratio cover a circle evenly at every moment: ten requests at 10 % reach the new version
/// once, not perhaps.
fn spread(turn: u64) -> u64 {
    turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// FNV-1a, and a last step that spreads short keys over the whole range. The same in every release and on every
/// machine: servers side by side send a key to the same version.
fn hash(key: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    let hash = key.bytes().fold(0xCBF2_9CE4_8422_2325, fnv);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_to_the_parts() {
        let first = (0..1000).filter(|turn| spread(*turn) < u64::MAX / 10).count();
        assert!((99..=101).contains(&first), "{first}");
    }

    #[test]
    fn keys_hash_alike_everywhere_and_cover_the_range() {
        for (key, expected) in
            [("", 0xefd0_1f60_ba99_2926), ("a", 0x82a2_a958_a9be_ce5b), ("user-42", 0xa395_32c7_ab05_1e8d)]
        {
            assert_eq!(hash(key), expected, "{key}");
        }
        let below = (0..10_000).filter(|number| hash(&format!("{number}")) < u64::MAX / 10).count();
        assert!((900..1100).contains(&below), "{below}");
    }
}
