//! Ross's estimator: a continuous column and classes.

use std::collections::BTreeMap;

use crate::special::digamma;

use super::line::{Sorted, just_below};

/// Mutual information in nats; it may come out negative.
///
/// For each sample, `radius` reaches just short of its k-th neighbour among its own class, and m counts the
/// samples of all classes within it: `ψ(N) + mean ψ(k) − mean ψ(N_class) − mean ψ(m)`. A class with one sample
/// has no neighbours and is left out.
///
/// Distances are differences, exact at any size of class. Scikit-learn takes those within a class of fewer
/// than 2k + 2 samples from squares instead, and rounding then decides whether the k-th neighbour is counted.
pub(super) fn information(values: &[f64], classes: &[u32], neighbours: usize) -> f64 {
    let members = members(classes);
    let whole = Sorted::new(values, members.iter().flatten().copied().collect());
    let count = whole.rows.len();
    if count == 0 {
        return 0.0;
    }
    let (mut of_k, mut of_class, mut of_near) = (0.0, 0.0, 0.0);
    for rows in members {
        let class = Sorted::new(values, rows);
        let size = class.rows.len();
        let k = neighbours.min(size - 1);
        of_k += size as f64 * digamma(k as f64);
        of_class += size as f64 * digamma(size as f64);
        for (place, value) in class.values.iter().enumerate() {
            let radius = just_below(class.neighbour_distance(place, k));
            of_near += digamma(whole.count_within(*value, radius) as f64);
        }
    }
    digamma(count as f64) + (of_k - of_class - of_near) / count as f64
}

/// The rows of each class that has more than one.
fn members(classes: &[u32]) -> Vec<Vec<u32>> {
    let mut members = BTreeMap::<u32, Vec<u32>>::new();
    for (row, class) in classes.iter().enumerate() {
        members.entry(*class).or_default().push(row as u32);
    }
    members.into_values().filter(|rows| rows.len() > 1).collect()
}
