//! The interval of a mean by the bootstrap.

use serde::{Deserialize, Serialize};
use wharf_stats::{Bootstrap, BootstrapMethod};

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

/// The mean of `differences`, one for each sample, and its interval by the bootstrap: percentiles 2.5 and 97.5 of 2,000
/// draws. The same seed gives the same interval. An empty list has the interval of 0, and one with a number that is none
/// has no numbers.
pub fn paired_interval(differences: &[f64], seed: u64) -> Interval {
    if differences.is_empty() {
        return Interval::default();
    }
    let method = BootstrapMethod::Percentile;
    let bootstrap = Bootstrap { replicates: RESAMPLES, seed, method, ..Bootstrap::default() };
    match bootstrap.mean(differences) {
        Ok(found) => Interval { mean: found.estimate, low: found.low, high: found.high },
        Err(_) => Interval { mean: f64::NAN, low: f64::NAN, high: f64::NAN },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(paired_interval(&[1.0, f64::NAN], 1).mean.is_nan());
    }
}
