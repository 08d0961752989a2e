//! Random numbers that depend on a seed and a place alone.

/// The golden ratio in 64 bits: steps of it spread over the whole range.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64's mixing function: every bit of the input changes about half of the output.
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// The seed of one of several answers to the same request.
pub(crate) fn seed_of_choice(seed: u64, choice: u32) -> u64 {
    if choice == 0 { seed } else { mix(seed ^ mix(u64::from(choice).wrapping_mul(GOLDEN))) }
}

/// A number in [0, 1) for the token at `index`. It has no state: what was drawn before it, and whether guesses were checked
/// on the way, changes nothing.
pub(crate) fn uniform(seed: u64, index: u64) -> f64 {
    let bits = mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(index.wrapping_mul(GOLDEN)));
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// A seed for a request that names none.
pub(crate) fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(GOLDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly_over_the_unit_interval() {
        let mut buckets = [0u32; 10];
        for index in 0..10_000 {
            let number = uniform(7, index);
            assert!((0.0..1.0).contains(&number));
            buckets[(number * 10.0) as usize] += 1;
        }
        assert!(buckets.iter().all(|count| (900..1100).contains(count)), "{buckets:?}");
    }

    #[test]
    fn neighbouring_seeds_and_choices_have_nothing_in_common() {
        let agree = |a: u64, b: u64| {
            (0..1000).filter(|&index| (uniform(a, index) - uniform(b, index)).abs() < 0.05).count()
        };
        assert!(agree(1, 2) < 150);
        assert!(agree(seed_of_choice(1, 0), seed_of_choice(1, 1)) < 150);
        assert_eq!(seed_of_choice(9, 0), 9);
    }
}
