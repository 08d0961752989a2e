//! Ross's estimator: a continuous column and classes.

use super::line::{Sorted, just_below, neighbour_distance};
use super::prepare::DigammaTable;

/// Mutual information in nats; it may come out negative.
///
/// For each sample, `radius` reaches just short of its k-th neighbour among its own class, and m counts the
/// samples of all classes within it: `ψ(N) + mean ψ(k) − mean ψ(N_class) − mean ψ(m)`. A class with one sample
/// has no neighbours and is left out.
///
/// Distances are differences, exact at any size of class. Scikit-learn takes those within a class of fewer
/// than 2k + 2 samples from squares instead, and rounding then decides whether the k-th neighbour is counted.
pub(super) fn information(values: &[f64], classes: &[u32], neighbours: usize, digamma: &DigammaTable) -> f64 {
    let (of_row, sizes) = crate::folds::places(classes);
    let rows = (0..classes.len() as u32).filter(|row| sizes[of_row[*row as usize]] > 1);
    let whole = Sorted::new(values, rows);
    let count = whole.rows.len();
    if count == 0 {
        return 0.0;
    }
    let mut sum = 0.0;
    for (values, places) in by_class(&whole, &of_row, &sizes) {
        let size = values.len();
        let k = neighbours.min(size - 1);
        sum += size as f64 * (digamma.of(k) - digamma.of(size));
        for (index, place) in places.into_iter().enumerate() {
            let radius = just_below(neighbour_distance(&values, index, k));
            sum -= digamma.of(whole.count_within(place, radius));
        }
    }
    digamma.of(count) + sum / count as f64
}

/// The values of each class in ascending order, with their places among all that are sorted.
fn by_class(
    whole: &Sorted,
    of_row: &[usize],
    sizes: &[usize],
) -> impl Iterator<Item = (Vec<f64>, Vec<usize>)> {
    let mut members = vec![(Vec::new(), Vec::new()); sizes.len()];
    for (place, (value, row)) in whole.values.iter().zip(&whole.rows).enumerate() {
        let (values, places) = &mut members[of_row[*row as usize]];
        values.push(*value);
        places.push(place);
    }
    members.into_iter().filter(|(values, _)| !values.is_empty())
}
