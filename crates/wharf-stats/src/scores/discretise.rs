//! Cuts of a continuous column that pay for themselves (Fayyad and Irani, 1993).

use super::threshold::{Cut, SortedByValue};
use crate::error::{StatsError, check_each, check_length};
use crate::mutual::entropy_of_counts;

/// The cut points of a continuous column by the minimum description length rule, in ascending order; none
/// where no cut tells enough about the target.
///
/// A range of N rows and k classes is cut where the gain is highest, and both sides again, as long as the gain
/// in bits is more than `(log2(N − 1) + log2(3^k − 2) − k H + k1 H1 + k2 H2) / N`. Rows whose value is NaN are
/// left out.
///
/// # Errors
/// The columns differ in length, or a value is infinite.
pub fn discretise_mdl(feature: &[f64], target: &[u32]) -> Result<Vec<f64>, StatsError> {
    check_length("target", target.len(), feature.len())?;
    check_each("feature", feature, "a number or NaN", |value| !value.is_infinite())?;
    let sorted = SortedByValue::new(feature, target);
    let mut cuts = Vec::new();
    let mut open: Vec<_> = std::iter::once(0..sorted.rows.len()).collect();
    while let Some(range) = open.pop() {
        let Some(cut) = sorted.best_cut(range.clone()) else { continue };
        if pays(&sorted, &range, cut) {
            cuts.push(sorted.midpoint(cut.place));
            open.extend([range.start..cut.place, cut.place..range.end]);
        }
    }
    cuts.sort_by(f64::total_cmp);
    Ok(cuts)
}

fn pays(sorted: &SortedByValue, range: &std::ops::Range<usize>, cut: Cut) -> bool {
    // Classes of a part, and their number times its entropy in bits.
    let part = |range: std::ops::Range<usize>| {
        let counts = sorted.counts(range);
        let classes = counts.iter().filter(|count| **count > 0).count() as f64;
        (classes, classes * entropy_of_counts(counts.into_iter()) / std::f64::consts::LN_2)
    };
    let (classes, whole) = part(range.clone());
    let (low, high) = (part(range.start..cut.place).1, part(cut.place..range.end).1);
    // log2(3^k − 2), of which the power overflows for many classes.
    let labellings =
        classes * libm::log2(3.0) + libm::log1p(-2.0 * libm::pow(3.0, -classes)) / std::f64::consts::LN_2;
    let rows = range.len() as f64;
    let price = (libm::log2(rows - 1.0) + labellings - whole + low + high) / rows;
    cut.gain / std::f64::consts::LN_2 > price
}
