//! Features as small integers: the thresholds at which trees may split, and the samples sorted into them.

use rayon::prelude::*;
use wharf_transform::CounterRng;

use crate::Matrix;

/// The most bins of a feature. One byte holds them and, one above the last, the missing values.
pub(crate) const MAX_BINS: usize = 255;

/// Quantiles are taken over at most that many samples.
const MAX_SAMPLES: usize = 200_000;

/// Keeps the samples of quantiles apart from every other use of the same seed.
const DOMAIN: u64 = u64::from_be_bytes(*b"quantile");

/// The thresholds of each feature, ascending. Bin `b` holds what is at most `thresholds[b]` and above
/// `thresholds[b - 1]`; the last bin, which has no threshold, holds the rest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bins {
    thresholds: Vec<Vec<f32>>,
}

/// Samples by their bins, column-major.
#[derive(Clone, Debug)]
pub(crate) struct Binned {
    columns: Vec<Vec<u8>>,
}

impl Bins {
    /// At most `max_bins` bins (2 to 255) per feature that hold equally many samples. A feature with no more
    /// distinct values than that has one bin for each.
    pub(crate) fn new(features: &Matrix, max_bins: usize, seed: u64) -> Self {
        let rows = sampled_rows(features.rows(), seed);
        let thresholds = (0..features.columns()).into_par_iter().map(|column| {
            let mut values: Vec<f32> =
                rows.iter().map(|&row| features.row(row)[column]).filter(|value| !value.is_nan()).collect();
            values.sort_unstable_by(f32::total_cmp);
            thresholds_of(&values, max_bins.clamp(2, MAX_BINS))
        });
        Self { thresholds: thresholds.collect() }
    }

    /// How many features there are.
    pub(crate) fn features(&self) -> usize {
        self.thresholds.len()
    }

    /// How many bins a feature has, missing values apart; they are one bin further.
    pub(crate) fn count(&self, feature: usize) -> usize {
        self.thresholds[feature].len() + 1
    }

    /// The largest value that is still in `bin`; for the last bin the largest of all numbers.
    pub(crate) fn threshold(&self, feature: usize, bin: usize) -> f32 {
        self.thresholds[feature].get(bin).copied().unwrap_or(f32::MAX)
    }

    /// Sorts samples into the bins.
    pub(crate) fn apply(&self, features: &Matrix) -> Binned {
        let columns = self.thresholds.par_iter().enumerate().map(|(column, thresholds)| {
            let missing = thresholds.len() + 1;
            let code = |row: usize| {
                let value = features.row(row)[column];
                let below = thresholds.partition_point(|threshold| *threshold < value);
                // At most 255 by construction: a byte holds it.
                (if value.is_nan() { missing } else { below }) as u8
            };
            (0..features.rows()).map(code).collect()
        });
        Binned { columns: columns.collect() }
    }
}

impl Binned {
    /// The bins of all samples in one feature.
    pub(crate) fn column(&self, feature: usize) -> &[u8] {
        &self.columns[feature]
    }
}

/// All rows, or where there are too many, some.
fn sampled_rows(rows: usize, seed: u64) -> Vec<usize> {
    if rows <= MAX_SAMPLES {
        return (0..rows).collect();
    }
    let mut rng = CounterRng::new(&[seed, DOMAIN]);
    (0..MAX_SAMPLES).map(|_| rng.below(rows as u64) as usize).collect()
}

/// Thresholds between sorted values so that the bins hold about equally many.
fn thresholds_of(sorted: &[f32], max_bins: usize) -> Vec<f32> {
    let groups: Vec<&[f32]> = sorted.chunk_by(|a, b| a == b).collect();
    let mut thresholds = Vec::new();
    let (mut filled, mut left) = (0, sorted.len());
    for (place, pair) in groups.windows(2).enumerate() {
        filled += pair[0].len();
        let bins_left = max_bins - thresholds.len();
        let groups_left = groups.len() - place;
        if bins_left > 1 && (groups_left <= bins_left || filled * bins_left >= left) {
            thresholds.push(between(pair[0][0], pair[1][0]));
            left -= filled;
            filled = 0;
        }
    }
    thresholds
}

/// A number `t` with `a <= t < b`, half-way where there is one.
fn between(a: f32, b: f32) -> f32 {
    let middle = f64::midpoint(f64::from(a), f64::from(b)) as f32;
    if middle < b { middle } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_column(values: &[f32]) -> Matrix {
        Matrix::new(values.to_vec(), 1).unwrap()
    }

    #[test]
    fn few_distinct_values_have_a_bin_each() {
        let features = one_column(&[3.0, 1.0, f32::NAN, 2.0, 1.0, -0.0, 0.0]);
        let bins = Bins::new(&features, 255, 0);
        assert_eq!((bins.count(0), bins.threshold(0, 0), bins.threshold(0, 3)), (4, 0.5, f32::MAX));
        assert_eq!(bins.apply(&features).column(0), [3, 1, 4, 2, 1, 0, 0]);
    }

    #[test]
    fn many_values_share_bins_evenly() {
        let values: Vec<f32> = (0..10_000).map(|i| (i as f32).powi(2)).collect();
        let features = one_column(&values);
        let bins = Bins::new(&features, 100, 0);
        let mut counts = vec![0; bins.count(0)];
        bins.apply(&features).column(0).iter().for_each(|&bin| counts[bin as usize] += 1);
        assert_eq!(counts, vec![100; 100]);
    }

    #[test]
    fn a_frequent_value_does_not_starve_the_others() {
        let mut values = vec![0.0_f32; 9000];
        values.extend((0..1000).map(|i| 1.0 + i as f32));
        let bins = Bins::new(&one_column(&values), 51, 0);
        assert_eq!((bins.count(0), bins.threshold(0, 0)), (51, 0.5));
    }

    #[test]
    fn thresholds_separate_neighbouring_floats() {
        let (a, b) = (1.0_f32, 1.0_f32.next_up());
        assert!(a <= between(a, b) && between(a, b) < b);
        assert!(between(f32::MIN, f32::MAX).abs() < 1.0);
    }

    #[test]
    fn a_column_without_values_has_one_bin() {
        let features = one_column(&[f32::NAN, f32::NAN]);
        let bins = Bins::new(&features, 255, 0);
        assert_eq!((bins.count(0), bins.apply(&features).column(0)), (1, &[1, 1][..]));
    }

    #[test]
    fn as_many_bins_as_a_byte_holds() {
        let values: Vec<f32> = (0..5000).map(|i| i as f32).chain([f32::NAN]).collect();
        let features = one_column(&values);
        let bins = Bins::new(&features, 1000, 0);
        assert_eq!(bins.count(0), MAX_BINS);
        assert_eq!(bins.apply(&features).column(0)[5000], 255);
    }
}
