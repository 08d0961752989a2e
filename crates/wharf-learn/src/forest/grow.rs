//! Growing one tree until its leaves are pure or small.

use wharf_transform::CounterRng;

use super::settings::Criterion;
use crate::bins::{Binned, Bins};
use crate::tree::{Split, Tree};

/// What is learned, in the form that the sums need.
pub(super) enum Outcome {
    Classes { indices: Vec<u32>, count: usize },
    Numbers(Vec<f64>),
}

/// What a tree grows from.
pub(super) struct Grower<'a> {
    pub(super) bins: &'a Bins,
    pub(super) binned: &'a Binned,
    pub(super) outcome: &'a Outcome,
    pub(super) criterion: Criterion,
    pub(super) max_depth: usize,
    pub(super) min_leaf: usize,
    pub(super) features_per_split: usize,
}

/// The sums over some samples: how many, their weight, and per class its weight, or the weighted sum of numbers.
#[derive(Clone, Debug, Default)]
struct Sums {
    count: usize,
    weight: f64,
    parts: Vec<f64>,
}

/// The best split so far.
#[derive(Clone, Debug)]
struct Best {
    feature: usize,
    bin: u8,
    missing_left: bool,
    gain: f64,
    left: Sums,
}

/// A leaf that may still be split.
struct OpenLeaf {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    sums: Sums,
}

/// A gain below that part of the whole is rounding.
const SMALLEST_GAIN: f64 = 1e-12;

impl Sums {
    fn empty(width: usize) -> Self {
        Self { count: 0, weight: 0.0, parts: vec![0.0; width] }
    }

    fn clear(&mut self) {
        self.count = 0;
        self.weight = 0.0;
        self.parts.fill(0.0);
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.weight += other.weight;
        self.parts.iter_mut().zip(&other.parts).for_each(|(sum, part)| *sum += part);
    }

    fn set_difference(&mut self, whole: &Self, part: &Self) {
        self.count = whole.count - part.count;
        self.weight = whole.weight - part.weight;
        let pairs = whole.parts.iter().zip(&part.parts);
        self.parts.iter_mut().zip(pairs).for_each(|(difference, (a, b))| *difference = a - b);
    }
}

impl Grower<'_> {
    /// The tree over the samples whose weight is above zero; `None` if `stop` says yes on the way.
    pub(super) fn grow(
        &self,
        weights: &[f64],
        mut rng: CounterRng,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Tree> {
        let rows: Vec<u32> = (0..weights.len() as u32).filter(|&row| weights[row as usize] > 0.0).collect();
        let mut sums = Sums::empty(self.width());
        rows.iter().for_each(|&row| self.add_row(&mut sums, row, weights));
        let mut tree = Tree::leaf(&self.values(&sums));
        let mut open = vec![OpenLeaf { node: 0, depth: 0, rows, sums }];
        while let Some(leaf) = open.pop() {
            if stop() {
                return None;
            }
            let Some(best) = self.best_split(&leaf, weights, &mut rng) else { continue };
            let mut right = Sums::empty(self.width());
            right.set_difference(&leaf.sums, &best.left);
            let split = Split {
                feature: best.feature as u32,
                threshold: self.bins.threshold(best.feature, usize::from(best.bin)),
                missing_left: best.missing_left,
                left: 0,
                right: 0,
                gain: best.gain,
            };
            let places = tree.split(leaf.node, split, &self.values(&best.left), &self.values(&right));
            let [left_rows, right_rows] = self.partition(&leaf.rows, &best);
            let depth = leaf.depth + 1;
            open.push(OpenLeaf { node: places[1], depth, rows: right_rows, sums: right });
            open.push(OpenLeaf { node: places[0], depth, rows: left_rows, sums: best.left });
        }
        Some(tree)
    }

    fn width(&self) -> usize {
        match self.outcome {
            Outcome::Classes { count, .. } => *count,
            Outcome::Numbers(_) => 1,
        }
    }

    fn add_row(&self, sums: &mut Sums, row: u32, weights: &[f64]) {
        let weight = weights[row as usize];
        sums.count += 1;
        sums.weight += weight;
        match self.outcome {
            Outcome::Classes { indices, .. } => sums.parts[indices[row as usize] as usize] += weight,
            Outcome::Numbers(values) => sums.parts[0] += weight * values[row as usize],
        }
    }

    /// The means of a leaf.
    fn values(&self, sums: &Sums) -> Vec<f32> {
        sums.parts.iter().map(|part| (part / sums.weight) as f32).collect()
    }

    /// What splits raise: the gain is the score of both sides less that of the whole. With weights `w_k` of the
    /// classes and `W` of all it is `sum w_k^2 / W` (Gini, and likewise the variance of numbers) or
    /// `sum w_k ln(w_k / W)`.
    fn score(&self, sums: &Sums) -> f64 {
        if sums.weight <= 0.0 {
            return 0.0;
        }
        match (self.outcome, self.criterion) {
            (Outcome::Classes { .. }, Criterion::Entropy) => {
                let term = |part: &f64| if *part > 0.0 { part * (part / sums.weight).ln() } else { 0.0 };
                sums.parts.iter().map(term).sum()
            }
            _ => sums.parts.iter().map(|part| part * part).sum::<f64>() / sums.weight,
        }
    }

    /// The best split over random features: as many as asked for, more only while none of them splits.
    fn best_split(&self, leaf: &OpenLeaf, weights: &[f64], rng: &mut CounterRng) -> Option<Best> {
        if leaf.depth >= self.max_depth || leaf.rows.len() < 2 * self.min_leaf || self.is_pure(leaf) {
            return None;
        }
        let all = self.bins.features();
        let order = if self.features_per_split < all { rng.permutation(all) } else { (0..all).collect() };
        let mut best = None;
        for (tried, feature) in order.into_iter().enumerate() {
            if tried >= self.features_per_split && best.is_some() {
                break;
            }
            self.try_feature(feature, leaf, weights, &mut best);
        }
        best
    }

    fn is_pure(&self, leaf: &OpenLeaf) -> bool {
        match self.outcome {
            Outcome::Classes { .. } => leaf.sums.parts.iter().filter(|&&part| part > 0.0).count() < 2,
            Outcome::Numbers(values) => {
                let mut own = leaf.rows.iter().map(|&row| values[row as usize]);
                let first = own.next();
                own.all(|value| Some(value) == first)
            }
        }
    }

    fn try_feature(&self, feature: usize, leaf: &OpenLeaf, weights: &[f64], best: &mut Option<Best>) {
        let mut groups = self.groups(feature, &leaf.rows, weights);
        let missing_bin = self.bins.count(feature);
        let missing = groups.pop_if(|(bin, _)| usize::from(*bin) == missing_bin);
        let whole = &leaf.sums;
        let nothing = Sums::empty(self.width());
        match missing {
            None => self.scan(feature, &groups, nothing, whole, best, |left, right| left >= right),
            Some((_, missing)) => {
                self.scan(feature, &groups, nothing, whole, best, |_, _| false);
                groups.pop();
                self.scan(feature, &groups, missing, whole, best, |_, _| true);
            }
        }
    }

    /// Tries a split after each bin that has samples; `left` is what is on the left already.
    fn scan(
        &self,
        feature: usize,
        groups: &[(u8, Sums)],
        mut left: Sums,
        whole: &Sums,
        best: &mut Option<Best>,
        missing_left: impl Fn(usize, usize) -> bool,
    ) {
        let of_whole = self.score(whole);
        let mut right = Sums::empty(self.width());
        for (bin, group) in groups {
            left.add(group);
            right.set_difference(whole, &left);
            if right.count < self.min_leaf {
                break;
            }
            if left.count < self.min_leaf {
                continue;
            }
            let gain = self.score(&left) + self.score(&right) - of_whole;
            let least = best.as_ref().map_or(SMALLEST_GAIN * of_whole.abs().max(1e-300), |best| best.gain);
            if gain > least {
                let missing_left = missing_left(left.count, right.count);
                *best = Some(Best { feature, bin: *bin, missing_left, gain, left: left.clone() });
            }
        }
    }

    /// The sums by bin, ascending, of the bins that have samples. Few samples are sorted, many are counted.
    fn groups(&self, feature: usize, rows: &[u32], weights: &[f64]) -> Vec<(u8, Sums)> {
        let column = self.binned.column(feature);
        let slots = self.bins.count(feature) + 1;
        if rows.len() * 2 < slots {
            return self.sorted_groups(column, rows, weights);
        }
        let mut groups: Vec<(u8, Sums)> =
            (0..slots).map(|bin| (bin as u8, Sums { parts: Vec::new(), ..Sums::default() })).collect();
        for &row in rows {
            let sums = &mut groups[usize::from(column[row as usize])].1;
            if sums.count == 0 {
                *sums = Sums::empty(self.width());
            }
            self.add_row(sums, row, weights);
        }
        groups.retain(|(_, sums)| sums.count > 0);
        groups
    }

    fn sorted_groups(&self, column: &[u8], rows: &[u32], weights: &[f64]) -> Vec<(u8, Sums)> {
        let mut keyed: Vec<(u8, u32)> = rows.iter().map(|&row| (column[row as usize], row)).collect();
        keyed.sort_unstable();
        let mut groups = Vec::new();
        let mut sums = Sums::empty(self.width());
        for same in keyed.chunk_by(|a, b| a.0 == b.0) {
            same.iter().for_each(|&(_, row)| self.add_row(&mut sums, row, weights));
            groups.push((same[0].0, sums.clone()));
            sums.clear();
        }
        groups
    }

    /// The samples that go left, and those that go right.
    fn partition(&self, rows: &[u32], split: &Best) -> [Vec<u32>; 2] {
        let column = self.binned.column(split.feature);
        let missing = self.bins.count(split.feature);
        rows.iter()
            .copied()
            .partition(|&row| {
                let bin = column[row as usize];
                bin <= split.bin || (split.missing_left && usize::from(bin) == missing)
            })
            .into()
    }
}
