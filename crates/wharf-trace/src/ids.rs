//! Numbers that nobody else has, and a coin that falls as often as is wanted.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers without an order that anybody sees, from a random start. For telling things apart, not for secrets.
#[derive(Debug)]
pub(crate) struct Ids(AtomicU64);

impl Default for Ids {
    fn default() -> Self {
        // The keys of hash tables come from the system's random numbers.
        Self(AtomicU64::new(RandomState::new().build_hasher().finish()))
    }
}

impl Ids {
    /// Any number.
    pub(crate) fn any(&self) -> u64 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        let mut mixed = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Any number but 0.
    pub(crate) fn span(&self) -> u64 {
        self.any().max(1)
    }

    /// Any number but 0.
    pub(crate) fn trace(&self) -> u128 {
        u128::from(self.any()) << 64 | u128::from(self.span())
    }

    /// True this often of all times.
    pub(crate) fn falls(&self, share: f64) -> bool {
        // 53 bits are what a double holds.
        let drawn = (self.any() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_not_repeated() {
        let ids = Ids::default();
        let drawn: std::collections::BTreeSet<u64> = (0..10_000).map(|_| ids.span()).collect();
        assert_eq!(drawn.len(), 10_000);
        assert_ne!(ids.trace(), ids.trace());
    }

    #[test]
    fn the_coin_falls_as_often_as_is_wanted() {
        let ids = Ids(AtomicU64::new(7));
        let falls = |share| (0..10_000).filter(|_| ids.falls(share)).count();
        assert_eq!((falls(0.0), falls(1.0)), (0, 10_000));
        // Five standard deviations of 10,000 draws.
        assert!(falls(0.25).abs_diff(2500) < 220);
    }
}
