//! The crate's own random numbers: a function of a seed and of what they are for.

use rayon::prelude::*;

/// What random numbers are drawn for; no two uses share a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Noise on a continuous feature; the part is its column.
    FeatureNoise = 1,
    /// Noise on a continuous target.
    TargetNoise = 2,
    /// The order of samples before folds are cut.
    Folds = 3,
    /// The part held out.
    HoldOut = 4,
    /// Samples of a bootstrap replicate; the part is its number.
    Bootstrap = 5,
    /// The order of a column's values; the part counts columns and repeats.
    Permutation = 6,
    /// The seed of a repetition; the part is its number.
    Repeat = 7,
}

/// A stream of random numbers (SplitMix64: Steele, Lea and Flood, 2014) whose start is a hash of seed,
/// purpose and part. Any number of threads may draw from streams of their own and get the same numbers.
#[derive(Clone, Debug)]
pub(crate) struct Stream(u64);

impl Stream {
    /// The stream for `part` of a purpose under `seed`.
    pub(crate) fn new(seed: u64, purpose: Purpose, part: u64) -> Self {
        let mut state = Self(seed);
        for word in [purpose as u64, part] {
            state = Self(state.next_u64() ^ word.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        }
        Self(state.next_u64())
    }

    /// 64 random bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Even in `0..bound`, without bias (Lemire's method); 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            let low = product as u64;
            if low >= bound || low >= bound.wrapping_neg() % bound.max(1) {
                return (product >> 64) as usize;
            }
        }
    }

    /// Even in `0.0..1.0`, a multiple of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Standard normal (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// The numbers `0..count` in random order.
    pub(crate) fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        self.shuffle(&mut order);
        order
    }
}

/// Runs `work` for each number below `count` on the pool, and keeps the order.
pub(crate) fn in_parallel<T: Send>(count: usize, work: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    (0..count).into_par_iter().map(work).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_even_and_normal() {
        let mut stream = Stream::new(1, Purpose::Folds, 0);
        let mut counts = [0_i32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7)] += 1;
        }
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 400), "{counts:?}");
        assert_eq!((stream.below(0), stream.below(1)), (0, 0));
        let draws: Vec<f64> = (0..100_000).map(|_| stream.normal()).collect();
        let mean = draws.iter().sum::<f64>() / 1e5;
        let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_part() {
        let keys = [
            (0, Purpose::Folds, 0),
            (0, Purpose::HoldOut, 0),
            (0, Purpose::Folds, 1),
            (1, Purpose::Folds, 0),
        ];
        let firsts: Vec<u64> =
            keys.map(|(seed, purpose, part)| Stream::new(seed, purpose, part).next_u64()).into();
        for (i, first) in firsts.iter().enumerate() {
            assert!(!firsts[i + 1..].contains(first));
        }
    }

    #[test]
    fn permutation_holds_every_number_once() {
        let mut order = Stream::new(4, Purpose::Permutation, 0).permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
