//! The first estimator of Kraskov, Stögbauer and Grassberger: two continuous columns.

use rayon::prelude::*;

use crate::special::digamma;

use super::kd_tree::KdTree;
use super::line::{Sorted, just_below};

/// Mutual information in nats of more than `neighbours` samples; it may come out negative.
///
/// For each sample, `radius` reaches just short of its k-th neighbour in the plane in the maximum norm, and n
/// counts the samples within it along each axis, itself included: `ψ(N) + ψ(k) − mean ψ(n_x) − mean ψ(n_y)`.
pub(super) fn information(x: &[f64], y: &[f64], neighbours: usize) -> f64 {
    let rows = || (0..x.len() as u32).collect();
    let (along_x, along_y) = (Sorted::new(x, rows()), Sorted::new(y, rows()));
    let tree = KdTree::new(x.iter().copied().zip(y.iter().copied()).map(<[f64; 2]>::from).collect());
    let near = |row: &u32| {
        let point = [x[*row as usize], y[*row as usize]];
        let radius = just_below(tree.neighbour_distance(point, neighbours));
        let counts = [along_x.count_within(point[0], radius), along_y.count_within(point[1], radius)];
        counts.map(|count| digamma(count as f64)).iter().sum::<f64>()
    };
    // In order of x, so that neighbours are looked for where they were just found; summed in that order.
    let near: Vec<f64> = along_x.rows.par_iter().with_min_len(1024).map(near).collect();
    let count = x.len() as f64;
    digamma(count) + digamma(neighbours as f64) - near.iter().sum::<f64>() / count
}
