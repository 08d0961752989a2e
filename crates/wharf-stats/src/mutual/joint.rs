//! The first estimator of Kraskov, Stögbauer and Grassberger: two continuous columns.

use rayon::prelude::*;

use super::kd_tree::{KdTree, Nearest};
use super::line::{Sorted, just_below};
use super::prepare::DigammaTable;

/// Mutual information in nats of more than `neighbours` samples; it may come out negative.
///
/// For each sample, `radius` reaches just short of its k-th neighbour in the plane in the maximum norm, and n
/// counts the samples within it along each axis, itself included: `ψ(N) + ψ(k) − mean ψ(n_x) − mean ψ(n_y)`.
pub(super) fn information(x: &[f64], y: &[f64], neighbours: usize, digamma: &DigammaTable) -> f64 {
    let lines = [x, y].map(|values| Sorted::new(values, 0..values.len() as u32));
    let places = [lines[0].places(), lines[1].places()];
    let tree = KdTree::new(x, y);
    // In the order of the tree, so that neighbours are looked for where some were just found.
    let near = |nearest: &mut Nearest, member: usize| {
        let radius = just_below(tree.neighbour_distance(member, nearest));
        let row = tree.row(member);
        let count = |axis: usize| digamma.of(lines[axis].count_within(places[axis][row] as usize, radius));
        count(0) + count(1)
    };
    let members = (0..x.len()).into_par_iter().with_min_len(1024);
    let near: Vec<f64> = members.map_init(|| Nearest::new(neighbours), near).collect();
    digamma.of(x.len()) + digamma.of(neighbours) - near.iter().sum::<f64>() / x.len() as f64
}
