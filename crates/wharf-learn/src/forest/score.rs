//! How good the predictions are for samples that trees have not seen.

use crate::prediction::first_of_largest;
use crate::{FitOptions, Target};

/// Accuracy, or the coefficient of determination, over the samples that have a prediction.
pub(super) fn of_means(
    means: &[Option<Vec<f64>>],
    target: &Target,
    offset: f64,
    options: &FitOptions<'_>,
) -> Option<f64> {
    let known = || {
        let with_weight = |(row, mean): (usize, &Option<Vec<f64>>)| {
            mean.clone().map(|mean| (row, options.weight(row), mean))
        };
        means.iter().enumerate().filter_map(with_weight)
    };
    let total: f64 = known().map(|(_, weight, _)| weight).sum();
    if total <= 0.0 {
        return None;
    }
    match target {
        Target::Classes { indices, .. } => {
            let right = known().filter(|(row, _, mean)| first_of_largest(mean) == indices[*row] as usize);
            Some(right.map(|(_, weight, _)| weight).sum::<f64>() / total)
        }
        Target::Numbers(values) => {
            let mean = known().map(|(row, weight, _)| weight * values[row]).sum::<f64>() / total;
            let spread: f64 = known().map(|(row, weight, _)| weight * (values[row] - mean).powi(2)).sum();
            let error = |(row, weight, mean): (usize, f64, Vec<f64>)| {
                weight * (values[row] - offset - mean[0]).powi(2)
            };
            let error: f64 = known().map(error).sum();
            (spread > 0.0).then(|| 1.0 - error / spread)
        }
    }
}
