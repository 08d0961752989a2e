//! The interval of a mean by the bootstrap.

use serde::{Deserialize, Serialize};

/// A mean and the interval that holds it with a probability of 95 %.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The mean of the samples.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// How often the samples are drawn again.
const RESAMPLES: usize = 2000;

/// The mean of `differences`, one for each sample, and its interval: percentiles 2.5 and 97.5 of the means of 2,000 draws
/// with replacement (Efron 1979). The same seed gives the same interval. An empty list has the interval of 0.
pub fn paired_interval(differences: &[f64], seed: u64) -> Interval {
    let count = differences.len();
    if count == 0 {
        return Interval::default();
    }
    let mean = differences.iter().sum::<f64>() / count as f64;
    let mut means: Vec<f64> = (0..RESAMPLES)
        .map(|round| {
            let mut state = splitmix(seed ^ splitmix(round as u64));
            let sum: f64 = (0..count).map(|_| differences[draw(&mut state, count)]).sum();
            sum / count as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    let at = |share: f64| means[((RESAMPLES - 1) as f64 * share).round() as usize];
    Interval { mean, low: at(0.025), high: at(0.975) }
}

/// A number below `count`: the upper half of a product, whose bias is below one in 2^32 for counts that fit memory.
fn draw(state: &mut u64, count: usize) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    ((u128::from(mix(*state)) * count as u128) >> 64) as usize
}

fn splitmix(seed: u64) -> u64 {
    mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15))
}

/// The output function of SplitMix64 (Steele, Lea, Flood 2014).
fn mix(mut state: u64) -> u64 {
    state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // The first number of seed 0, as published with the algorithm.
        assert_eq!(splitmix(0), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn the_interval_is_that_of_a_share() {
        // 400 of 1,000 are 1: the standard error is sqrt(0.4 * 0.6 / 1000) = 0.0155.
        let samples: Vec<f64> = (0..1000).map(|index| f64::from(u8::from(index % 5 < 2))).collect();
        let interval = paired_interval(&samples, 7);
        assert_eq!(interval.mean, 0.4);
        assert!((interval.low - (0.4 - 1.96 * 0.0155)).abs() < 0.004, "{interval:?}");
        assert!((interval.high - (0.4 + 1.96 * 0.0155)).abs() < 0.004, "{interval:?}");
        assert_eq!(paired_interval(&samples, 7), interval);
    }

    #[test]
    fn no_difference_has_no_width() {
        let none = paired_interval(&[0.0; 50], 1);
        assert_eq!((none.mean, none.low, none.high), (0.0, 0.0, 0.0));
        assert_eq!(paired_interval(&[], 1), Interval::default());
    }
}
