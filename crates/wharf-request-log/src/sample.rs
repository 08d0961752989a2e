//! Every so many-th of all.

use std::sync::atomic::{AtomicU64, Ordering};

/// Takes a share of what comes, evenly: of 1,000 requests at a share of 0.01 exactly ten.
#[derive(Debug)]
pub(crate) struct Sampler {
    share: f64,
    seen: AtomicU64,
}

impl Sampler {
    pub(crate) fn new(share: f64) -> Self {
        Self { share, seen: AtomicU64::new(0) }
    }

    /// Whether this one is taken.
    pub(crate) fn takes(&self) -> bool {
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let taken = |seen: u64| (seen as f64 * self.share).ceil();
        taken(seen.wrapping_add(1)) > taken(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_even() {
        for (share, expected) in [(0.0, 0), (0.01, 10), (0.3, 300), (0.5, 500), (1.0, 1000)] {
            let sampler = Sampler::new(share);
            assert_eq!((0..1000).filter(|_| sampler.takes()).count(), expected, "{share}");
        }
        assert!(Sampler::new(0.001).takes(), "the first is taken, so that a log is seen to work");
    }
}
