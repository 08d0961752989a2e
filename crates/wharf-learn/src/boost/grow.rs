//! Growing one tree, leaf by leaf, where the gain is largest.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use rayon::prelude::*;

use super::histogram::{Candidate, Cell, Limits, best_split, build};
use super::loss::Gradient;
use crate::bins::{Binned, Bins};
use crate::tree::{Split, Tree};

/// Less work than that (samples times features) is not worth other threads.
const PARALLEL_WORK: usize = 20_000;

/// The sums of each feature that a tree looks at, by bin.
type Histograms = Vec<Vec<Cell>>;

/// What a tree grows from.
pub(super) struct Grower<'a> {
    pub(super) bins: &'a Bins,
    pub(super) binned: &'a Binned,
    /// The features that this tree looks at.
    pub(super) features: &'a [usize],
    pub(super) limits: Limits,
    pub(super) max_leaves: usize,
    pub(super) max_depth: usize,
    pub(super) learning_rate: f64,
}

/// A leaf that can be split.
struct OpenLeaf {
    node: usize,
    depth: usize,
    /// Its samples.
    rows: Vec<u32>,
    histograms: Histograms,
    best: Candidate,
}

/// A leaf whose sums are to be looked at.
struct FreshLeaf {
    node: usize,
    depth: usize,
    rows: Vec<u32>,
    total: Cell,
}

impl Grower<'_> {
    /// The tree for these gradients (indexed by row) over `rows`.
    pub(super) fn grow(&self, rows: Vec<u32>, gradients: &[Gradient]) -> Tree {
        let total = total_of(&rows, gradients);
        let mut tree = Tree::leaf(&[self.value(total)]);
        let root = FreshLeaf { node: 0, depth: 0, rows, total };
        let mut open = BinaryHeap::new();
        if self.may_split(&root) {
            let histograms = self.histograms(&root.rows, gradients);
            open.extend(self.open(root, histograms));
        }
        let mut leaves = 1;
        while let Some(leaf) = open.pop() {
            let best = leaf.best;
            let values = [[self.value(best.left)], [self.value(best.right)]];
            let places = tree.split(leaf.node, self.split(&best), &values[0], &values[1]);
            leaves += 1;
            if leaves >= self.max_leaves {
                break;
            }
            self.divide(leaf, places, gradients, &mut open);
        }
        tree
    }

    /// Opens the two halves of a leaf. The sums of the larger half are what the smaller leaves of the whole.
    fn divide(
        &self,
        leaf: OpenLeaf,
        places: [usize; 2],
        gradients: &[Gradient],
        open: &mut BinaryHeap<OpenLeaf>,
    ) {
        let depth = leaf.depth + 1;
        let [left_rows, right_rows] = self.partition(&leaf.rows, &leaf.best);
        let left = FreshLeaf { node: places[0], depth, rows: left_rows, total: leaf.best.left };
        let right = FreshLeaf { node: places[1], depth, rows: right_rows, total: leaf.best.right };
        let (small, large) = if left.rows.len() <= right.rows.len() { (left, right) } else { (right, left) };
        if !self.may_split(&large) {
            return;
        }
        let of_small = self.histograms(&small.rows, gradients);
        let of_large = subtract(leaf.histograms, &of_small);
        if self.may_split(&small) {
            open.extend(self.open(small, of_small));
        }
        open.extend(self.open(large, of_large));
    }

    fn may_split(&self, leaf: &FreshLeaf) -> bool {
        leaf.depth < self.max_depth && leaf.rows.len() >= 2 * self.limits.min_child.max(1)
    }

    fn histograms(&self, rows: &[u32], gradients: &[Gradient]) -> Histograms {
        let own: Vec<Gradient> = rows.iter().map(|&row| gradients[row as usize]).collect();
        let of_feature = |&feature: &usize| build(self.binned, self.bins, feature, rows, &own);
        if rows.len() * self.features.len() < PARALLEL_WORK {
            return self.features.iter().map(of_feature).collect();
        }
        self.features.par_iter().map(of_feature).collect()
    }

    /// The leaf with its best split, if there is any.
    fn open(&self, leaf: FreshLeaf, histograms: Histograms) -> Option<OpenLeaf> {
        let of_feature =
            |(cells, &feature): (&Vec<Cell>, &usize)| best_split(feature, cells, leaf.total, self.limits);
        let found = histograms.iter().zip(self.features).filter_map(of_feature);
        // The first of equals, so that the order of features decides and nothing else.
        let best = found.reduce(|best, other| if other.gain > best.gain { other } else { best })?;
        Some(OpenLeaf { node: leaf.node, depth: leaf.depth, rows: leaf.rows, histograms, best })
    }

    /// The samples that go left, and those that go right.
    fn partition(&self, rows: &[u32], split: &Candidate) -> [Vec<u32>; 2] {
        let column = self.binned.column(split.feature);
        let missing = self.bins.count(split.feature);
        let mut halves = [Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len())];
        for &row in rows {
            let bin = column[row as usize];
            let left = bin <= split.bin || (split.missing_left && usize::from(bin) == missing);
            halves[usize::from(!left)].push(row);
        }
        halves
    }

    fn split(&self, best: &Candidate) -> Split {
        Split {
            feature: best.feature as u32,
            threshold: self.bins.threshold(best.feature, usize::from(best.bin)),
            missing_left: best.missing_left,
            left: 0,
            right: 0,
            gain: best.gain,
        }
    }

    fn value(&self, total: Cell) -> f32 {
        (self.learning_rate * total.step(self.limits.l2)) as f32
    }
}

fn total_of(rows: &[u32], gradients: &[Gradient]) -> Cell {
    let mut total = Cell { count: rows.len() as u32, ..Cell::default() };
    for &row in rows {
        let [gradient, hessian] = gradients[row as usize];
        total.gradient += f64::from(gradient);
        total.hessian += f64::from(hessian);
    }
    total
}

fn subtract(mut whole: Histograms, part: &Histograms) -> Histograms {
    for (whole, part) in whole.iter_mut().zip(part) {
        whole.iter_mut().zip(part).for_each(|(whole, part)| *whole = whole.minus(*part));
    }
    whole
}

/// Leaves are ordered by the gain of their best split; of equals the older comes first.
impl Ord for OpenLeaf {
    fn cmp(&self, other: &Self) -> Ordering {
        self.best.gain.total_cmp(&other.best.gain).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for OpenLeaf {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OpenLeaf {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for OpenLeaf {}
