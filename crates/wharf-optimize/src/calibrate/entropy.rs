//! The range whose quantised histogram differs least from the whole one.
//!
//! Counts are integers and probabilities float32, rounded and truncated where onnxruntime.quantization does it, because
//! the choice between ranges hangs on small differences.

use super::histogram::Histogram;

/// What an empty bin gets, so that the divergence is finite.
const EPSILON: f32 = 1e-4;

/// Among the ranges around the middle of `histogram` of at least `quantised_bins` bins, the one whose distribution, with
/// outliers put into its outermost bins, loses least when it is divided into `quantised_bins` bins.
pub(super) fn threshold(histogram: &Histogram, quantised_bins: usize) -> (f32, f32) {
    let (bins, edges) = (histogram.counts.len(), &histogram.edges);
    let (middle, quantised_bins) = (bins / 2, quantised_bins.clamp(1, bins));
    let mut best = (f32::INFINITY, (edges[0], edges[bins]));
    let mut is_first = true;
    for reach in quantised_bins / 2..=middle {
        let (start, end) = (middle - reach, (middle + reach + 1).min(bins));
        let divergence = divergence(&histogram.counts, start, end, quantised_bins).unwrap_or(f32::INFINITY);
        if divergence < best.0 || is_first {
            best = (divergence, (edges[start], edges[end]));
        }
        is_first = false;
    }
    best.1
}

/// The Kullback-Leibler divergence of the bins from `start` to `end` and their quantised form; `None` where one of them
/// is empty.
fn divergence(counts: &[u64], start: usize, end: usize, quantised_bins: usize) -> Option<f32> {
    let slice = &counts[start..end];
    let mut reference = slice.to_vec();
    let last = reference.len().checked_sub(1)?;
    reference[0] += counts[..start].iter().sum::<u64>();
    reference[last] += counts[end..].iter().sum::<u64>();
    let quantised = expanded(slice, &reference, quantised_bins);
    relative_entropy(smoothed(&reference)?, smoothed(&quantised)?)
}

/// `slice` divided into `quantised_bins` bins, each spread again evenly over those of its bins that `reference` fills.
fn expanded(slice: &[u64], reference: &[u64], quantised_bins: usize) -> Vec<u64> {
    let merged = slice.len() / quantised_bins;
    let mut out = vec![0; slice.len()];
    for index in 0..quantised_bins {
        let part = index * merged..(index + 1) * merged;
        let mut sum: u64 = slice[part.clone()].iter().sum();
        if index + 1 == quantised_bins {
            sum += slice[quantised_bins * merged..].iter().sum::<u64>();
        }
        let filled = reference[part.clone()].iter().filter(|&&count| count != 0).count() as u64;
        if let Some(each) = sum.checked_div(filled) {
            out[part].fill(each);
        }
    }
    out
}

/// The counts with a little taken from the filled bins and given to the empty ones; `None` where all are empty.
fn smoothed(counts: &[u64]) -> Option<Vec<f32>> {
    let empty = counts.iter().filter(|&&count| count == 0).count();
    let filled = counts.len() - empty;
    if filled == 0 {
        return None;
    }
    let taken = (1e-4 * empty as f64 / filled as f64) as f32;
    Some(counts.iter().map(|&count| if count == 0 { EPSILON } else { count as f32 - taken }).collect())
}

/// `sum p ln(p / q)` of two distributions that are not normalised yet.
fn relative_entropy(mut p: Vec<f32>, mut q: Vec<f32>) -> Option<f32> {
    for distribution in [&mut p, &mut q] {
        let total = pairwise_sum(distribution);
        distribution.iter_mut().for_each(|share| *share /= total);
    }
    let terms: Vec<f32> = p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).collect();
    Some(pairwise_sum(&terms))
}

/// The sum in the order of additions of `numpy.sum`: eight at a time up to 128 numbers, halves beyond.
fn pairwise_sum(values: &[f32]) -> f32 {
    let count = values.len();
    if count < 8 {
        return values.iter().sum();
    }
    if count > 128 {
        let half = count / 2;
        let (left, right) = values.split_at(half - half % 8);
        return pairwise_sum(left) + pairwise_sum(right);
    }
    let (eights, rest) = values.split_at(count - count % 8);
    let mut lanes = [0.0_f32; 8];
    lanes.copy_from_slice(&eights[..8]);
    for eight in eights[8..].chunks_exact(8) {
        lanes.iter_mut().zip(eight).for_each(|(lane, value)| *lane += value);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    rest.iter().fold(((a + b) + (c + d)) + ((e + f) + (g + h)), |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_quantised_bins_as_bins_leave_one_range() {
        let mut histogram = Histogram::new(-3.0, 3.0, 128, false);
        histogram.add(&[-3.0, 0.1, 3.0]);
        assert_eq!(threshold(&histogram, 128), (-3.0, 3.0));
    }

    #[test]
    fn a_lone_outlier_is_cut() {
        let mut histogram = Histogram::new(-100.0, 100.0, 2048, false);
        let values: Vec<f32> = (0..100_000).map(|index| (index % 2000) as f32 / 100.0 - 10.0).collect();
        histogram.add(&values);
        histogram.add(&[100.0]);
        let (low, high) = threshold(&histogram, 128);
        assert!(-25.0 < low && high < 25.0, "{low} to {high}");
    }

    #[test]
    fn sums_are_those_of_the_reference() {
        let values: Vec<f32> = (0..1000).map(|index| 1.0 / (index + 1) as f32).collect();
        assert!((pairwise_sum(&values) - 7.485_471).abs() < 1e-6);
        assert_eq!(pairwise_sum(&values[..3]), 1.0 + 0.5 + 1.0 / 3.0);
    }
}
