//! Random numbers keyed by what they are for, not by who drew before.

use crate::philox::philox4x32;

/// A stream of random numbers that is a function of its key parts alone. Two streams whose parts differ in
/// any number, order or count are independent, so a picture's augmentation depends on (seed, epoch, sample)
/// and on nothing else, and any number of threads gives the same pictures.
///
/// ```
/// use wharf_transform::CounterRng;
///
/// let (seed, epoch, sample) = (7, 0, 1234);
/// let mut first = CounterRng::new(&[seed, epoch, sample]);
/// let mut again = CounterRng::new(&[seed, epoch, sample]);
/// assert_eq!(first.uniform_f32(), again.uniform_f32());
/// assert_ne!(first.next_u64(), CounterRng::new(&[seed, epoch, sample + 1]).next_u64());
/// ```
#[derive(Clone, Debug)]
pub struct CounterRng {
    key: [u32; 2],
    tweak: [u32; 2],
    block: u64,
    words: [u32; 4],
    used: usize,
}

impl CounterRng {
    /// The stream that belongs to `parts`: give the seed, then what tells this use from every other, such as
    /// a constant of the purpose, epoch, sample.
    pub fn new(parts: &[u64]) -> Self {
        let mut key = [parts.len() as u32, 0];
        let mut tweak = [0, 0];
        for part in parts {
            let [low, high] = halves(*part);
            let mixed = philox4x32([low, high, tweak[0], tweak[1]], key);
            key = [mixed[0], mixed[1]];
            tweak = [mixed[2], mixed[3]];
        }
        Self { key, tweak, block: 0, words: [0; 4], used: 4 }
    }

    /// 32 random bits.
    pub fn next_u32(&mut self) -> u32 {
        if self.used == self.words.len() {
            let [low, high] = halves(self.block);
            self.words = philox4x32([low, high, self.tweak[0], self.tweak[1]], self.key);
            self.block = self.block.wrapping_add(1);
            self.used = 0;
        }
        let word = self.words[self.used];
        self.used += 1;
        word
    }

    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let low = u64::from(self.next_u32());
        u64::from(self.next_u32()) << 32 | low
    }

    /// Even in `0.0..1.0`, a multiple of 2^-24.
    pub fn uniform_f32(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// Even in `0.0..1.0`, a multiple of 2^-53.
    pub fn uniform_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Even in `low..high`; `low` where the range is empty.
    pub fn uniform_in(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform_f64()
    }

    /// Even in `0..bound`, without bias (Lemire's method); 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let rejected_below = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= rejected_below {
                return (product >> 64) as u64;
            }
        }
    }

    /// Standard normal (Box and Muller; one number per pair, so that a stream has no memory).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform_f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform_f64()).cos()
    }

    /// Puts `items` in random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }

    /// The numbers `0..count` in random order.
    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        self.shuffle(&mut order);
        order
    }
}

/// Lower and upper half.
fn halves(value: u64) -> [u32; 2] {
    [value as u32, (value >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_every_part_and_by_their_count() {
        let keys: [&[u64]; 7] = [&[], &[0], &[0, 0], &[1], &[1, 2], &[2, 1], &[1, 2, 0]];
        let firsts: Vec<u64> = keys.iter().map(|key| CounterRng::new(key).next_u64()).collect();
        for (i, first) in firsts.iter().enumerate() {
            assert!(!firsts[i + 1..].contains(first), "{:?}", keys[i]);
        }
    }

    #[test]
    fn uniform_numbers_have_mean_and_variance_of_the_law() {
        let mut rng = CounterRng::new(&[1]);
        let draws: Vec<f64> = (0..100_000).map(|_| rng.uniform_f64()).collect();
        let (mean, variance) = moments(&draws);
        assert!((mean - 0.5).abs() < 0.004 && (variance - 1.0 / 12.0).abs() < 0.001, "{mean} {variance}");
        assert!(draws.iter().all(|draw| (0.0..1.0).contains(draw)));
        assert!((0..100_000).all(|_| (0.0..1.0).contains(&rng.uniform_f32())));
    }

    #[test]
    fn normal_numbers_have_mean_and_variance_of_the_law() {
        let mut rng = CounterRng::new(&[2]);
        let draws: Vec<f64> = (0..100_000).map(|_| rng.normal()).collect();
        let (mean, variance) = moments(&draws);
        assert!(mean.abs() < 0.015 && (variance - 1.0).abs() < 0.02, "{mean} {variance}");
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut rng = CounterRng::new(&[3]);
        let mut counts = [0_i32; 7];
        for _ in 0..70_000 {
            counts[rng.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|count| (count - 10_000).abs() < 400), "{counts:?}");
        assert_eq!((rng.below(0), rng.below(1)), (0, 0));
        assert!((0..1000).all(|_| rng.below(u64::MAX) < u64::MAX));
    }

    #[test]
    fn permutation_holds_every_number_once() {
        let mut order = CounterRng::new(&[4]).permutation(1000);
        assert_ne!(order, (0..1000).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
        assert!(CounterRng::new(&[4]).permutation(0).is_empty());
    }

    #[test]
    fn permutations_of_three_are_equally_frequent() {
        let mut counts = std::collections::BTreeMap::<Vec<usize>, i32>::new();
        for key in 0..6000 {
            *counts.entry(CounterRng::new(&[5, key]).permutation(3)).or_default() += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (count - 1000).abs() < 130), "{counts:?}");
    }

    fn moments(draws: &[f64]) -> (f64, f64) {
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        (mean, draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64)
    }
}
