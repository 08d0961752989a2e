//! Which version the next request goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::StickyKeys;
use crate::served::ServedModel;

/// The versions that share the requests, as they answered at one moment.
pub(crate) struct Split {
    /// Each with the end of its part.
    parts: Vec<(u64, Arc<ServedModel>)>,
    /// The header by which requests stay together.
    pub(crate) sticky_header: Option<Arc<str>>,
    turn: AtomicU64,
}

impl Split {
    /// `None` where none of the weighted versions answers.
    pub(crate) fn new(
        answering: impl Iterator<Item = (u32, Arc<ServedModel>)>,
        sticky_header: Option<&str>,
    ) -> Option<Self> {
        let mut end = 0;
        let parts: Vec<_> = answering
            .filter(|(weight, _)| *weight > 0)
            .map(|(weight, served)| {
                end += u64::from(weight);
                (end, served)
            })
            .collect();
        (!parts.is_empty()).then(|| Self {
            parts,
            sticky_header: sticky_header.map(Arc::from),
            turn: AtomicU64::new(0),
        })
    }

    /// The version for the next request; for one with a key, the version of that key. Versions lie in ascending order,
    /// so that a key which has the newest keeps it while the newest one's part grows.
    pub(crate) fn pick(&self, keys: &StickyKeys) -> Option<&Arc<ServedModel>> {
        let key = self.sticky_header.as_deref().and_then(|header| keys.of(header));
        let point = key.unwrap_or_else(|| spread(self.turn.fetch_add(1, Ordering::Relaxed)));
        let total = self.parts.last()?.0;
        let place = (u128::from(point) * u128::from(total)) >> 64;
        self.parts.iter().find(|(end, _)| place < u128::from(*end)).map(|(_, served)| served)
    }
}

/// Multiples of the golden ratio cover a circle evenly at every moment: ten requests at 10 % reach the new version
/// once, not perhaps.
pub(super) fn spread(turn: u64) -> u64 {
    turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_to_the_parts() {
        let first = (0..1000).filter(|turn| spread(*turn) < u64::MAX / 10).count();
        assert!((99..=101).contains(&first), "{first}");
    }
}
