//! Quantiles of sorted numbers, as NumPy computes them by default.

/// The quantile of `sorted`, which is not empty, by linear interpolation between the two nearest; `share` is 0 to 1.
/// NaN where it is empty.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let place = last as f64 * share.clamp(0.0, 1.0);
    let low = place.floor();
    let (below, above) = (sorted[low as usize], sorted[(low as usize + 1).min(last)]);
    let between = place - low;
    // From the nearer end, so that both ends come out exactly.
    let step = above - below;
    if between < 0.5 { below + step * between } else { above - step * (1.0 - between) }
}

/// The median of `sorted`; the mean of the two in the middle where there are two. NaN where it is empty.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// The numbers that are there, in ascending order.
pub(crate) fn sorted_present(values: &[f64]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_numpy() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&sorted, share) - expected).abs() < 1e-12, "{share}");
        }
        assert_eq!((quantile(&[5.0], 0.3), median(&[5.0]), median(&sorted)), (5.0, 5.0, 3.0));
        assert!(quantile(&[], 0.5).is_nan() && median(&[]).is_nan());
    }
}
