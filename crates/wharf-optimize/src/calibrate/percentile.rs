//! As far as a share of the absolute values reaches.

use super::histogram::Histogram;

/// The edge of the first bin up to which the histogram of absolute values holds `percentile` per cent, and its negative.
pub(super) fn threshold(histogram: &Histogram, percentile: f64) -> (f32, f32) {
    let total: u64 = histogram.counts.iter().sum();
    let wanted = percentile / 100.0;
    let mut share = 0.0;
    let mut place = histogram.counts.len();
    for (index, &count) in histogram.counts.iter().enumerate() {
        share += count as f64 / total.max(1) as f64;
        if share >= wanted {
            place = index;
            break;
        }
    }
    // The lower edge of that bin, as the reference has it.
    let edge = histogram.edges[place];
    (-edge, edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_are_cut() {
        let mut histogram = Histogram::new(0.0, 100.0, 100, true);
        let values: Vec<f32> = (0..1000).map(|index| index as f32 / 100.0).collect();
        histogram.add(&values);
        histogram.add(&[100.0]);
        assert_eq!(threshold(&histogram, 99.0), (-9.0, 9.0));
        assert!(threshold(&histogram, 100.0).1 >= 99.0);
    }
}
