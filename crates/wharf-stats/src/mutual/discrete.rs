//! Entropy and mutual information of classes, from their counts.

use std::collections::BTreeMap;

/// Entropy of the classes of a column, in nats; 0 for an empty one.
pub fn entropy(classes: &[u32]) -> f64 {
    entropy_of_counts(counts(classes.iter().copied()).into_values())
}

/// Entropy of the values of a continuous column taken as classes.
pub(super) fn entropy_of_values(values: &[f64]) -> f64 {
    // Zero has two signs and one meaning.
    let mut sorted: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    entropy_of_counts(sorted.chunk_by(|a, b| a == b).map(<[f64]>::len))
}

/// `ln n − Σ c ln c / n`.
pub(crate) fn entropy_of_counts(counts: impl Iterator<Item = usize>) -> f64 {
    let (mut total, mut sum) = (0.0, 0.0);
    for count in counts.map(|count| count as f64) {
        total += count;
        sum += if count > 0.0 { count * libm::log(count) } else { 0.0 };
    }
    if total > 0.0 { (libm::log(total) - sum / total).max(0.0) } else { 0.0 }
}

/// Mutual information of two columns of classes, in nats: `Σ p(x,y) ln(p(x,y) / (p(x) p(y)))`, never negative.
/// Rows past the end of the shorter column are not counted.
pub fn discrete_information(feature: &[u32], target: &[u32]) -> f64 {
    let pairs = counts(feature.iter().copied().zip(target.iter().copied()));
    let total = pairs.values().sum::<usize>() as f64;
    let (mut of_feature, mut of_target) = (BTreeMap::new(), BTreeMap::new());
    for ((x, y), count) in &pairs {
        *of_feature.entry(*x).or_insert(0) += count;
        *of_target.entry(*y).or_insert(0) += count;
    }
    let term = |((x, y), count): (&(u32, u32), &usize)| {
        let joint = *count as f64;
        // Divided one after the other: the product of two counts may not be exact.
        joint / total * libm::log(joint / of_feature[x] as f64 * (total / of_target[y] as f64))
    };
    pairs.iter().map(term).sum::<f64>().max(0.0)
}

/// How often each item occurs.
pub(crate) fn counts<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item).or_insert(0) += 1;
    }
    counts
}
