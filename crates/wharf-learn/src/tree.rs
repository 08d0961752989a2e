//! Binary trees over features, as all estimators made of trees have them.

use crate::Matrix;

/// A node of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Samples whose feature is at most the threshold go left; what is missing goes where it was learned to.
    Split(Split),
    /// The place of the leaf's values.
    Leaf(u32),
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Split {
    pub(crate) feature: u32,
    pub(crate) threshold: f32,
    pub(crate) missing_left: bool,
    pub(crate) left: u32,
    pub(crate) right: u32,
    /// By how much the split lowers the loss or the impurity, summed over the samples.
    pub(crate) gain: f64,
}

/// A tree whose leaves hold `width` numbers each. The root is node 0; children come after their parent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    values: Vec<f32>,
    width: usize,
}

impl Tree {
    /// A tree that is a leaf.
    pub(crate) fn leaf(values: &[f32]) -> Self {
        Self { nodes: vec![Node::Leaf(0)], values: values.to_vec(), width: values.len() }
    }

    /// Makes the leaf at `node` a split with two new leaves, whose places it returns. `split` need not know
    /// them.
    pub(crate) fn split(&mut self, node: usize, split: Split, left: &[f32], right: &[f32]) -> [usize; 2] {
        let places = [self.nodes.len(), self.nodes.len() + 1];
        for values in [left, right] {
            self.nodes.push(Node::Leaf((self.values.len() / self.width) as u32));
            self.values.extend_from_slice(values);
        }
        self.nodes[node] = Node::Split(Split { left: places[0] as u32, right: places[1] as u32, ..split });
        places
    }

    /// Root first.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How many numbers a leaf holds.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// The numbers of the leaf whose place is `leaf`.
    pub(crate) fn values(&self, leaf: u32) -> &[f32] {
        &self.values[leaf as usize * self.width..][..self.width]
    }

    /// The numbers of the leaf that a sample falls into.
    pub(crate) fn of_row(&self, row: &[f32]) -> &[f32] {
        let mut node = 0;
        loop {
            match &self.nodes[node] {
                Node::Leaf(leaf) => return self.values(*leaf),
                Node::Split(split) => node = split.child_of(row[split.feature as usize]),
            }
        }
    }

    /// Adds the gain of each split to its feature.
    pub(crate) fn add_gains(&self, gains: &mut [f64]) {
        for node in &self.nodes {
            if let Node::Split(split) = node {
                gains[split.feature as usize] += split.gain;
            }
        }
    }
}

impl Split {
    fn child_of(&self, value: f32) -> usize {
        // NaN is at most nothing, so it has to be asked for.
        let left = value <= self.threshold || (self.missing_left && value.is_nan());
        (if left { self.left } else { self.right }) as usize
    }
}

/// The gain of each of `features` over all trees, as parts of one; zeros where nothing was split.
pub(crate) fn importances<'a>(trees: impl IntoIterator<Item = &'a Tree>, features: usize) -> Vec<f64> {
    let mut gains = vec![0.0; features];
    trees.into_iter().for_each(|tree| tree.add_gains(&mut gains));
    let total: f64 = gains.iter().sum();
    if total > 0.0 {
        gains.iter_mut().for_each(|gain| *gain /= total);
    }
    gains
}

/// What the trees' leaves sum up to for each sample, `width` numbers per row.
pub(crate) fn sums(trees: &[&Tree], features: &Matrix, width: usize) -> Vec<f64> {
    use rayon::prelude::*;
    const ROWS: usize = 256;
    let mut sums = vec![0.0; features.rows() * width];
    sums.par_chunks_mut(ROWS * width).enumerate().for_each(|(block, sums)| {
        // Tree by tree, so that a tree stays in the cache for all rows of the block.
        for tree in trees {
            for (place, sums) in sums.chunks_exact_mut(width).enumerate() {
                let values = tree.of_row(features.row(block * ROWS + place));
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
            }
        }
    });
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump(missing_left: bool) -> Tree {
        let mut tree = Tree::leaf(&[0.0]);
        let split = Split { feature: 1, threshold: 2.0, missing_left, left: 0, right: 0, gain: 3.0 };
        assert_eq!(tree.split(0, split, &[-1.0], &[1.0]), [1, 2]);
        tree
    }

    #[test]
    fn what_equals_the_threshold_goes_left_and_what_is_missing_where_it_should() {
        let tree = stump(true);
        for (value, expected) in [(2.0, -1.0), (2.0_f32.next_up(), 1.0), (f32::NAN, -1.0)] {
            assert_eq!(tree.of_row(&[0.0, value]), [expected]);
        }
        assert_eq!(stump(false).of_row(&[0.0, f32::NAN]), [1.0]);
    }

    #[test]
    fn importances_are_parts_of_one() {
        let trees = [stump(true), Tree::leaf(&[1.0])];
        assert_eq!(importances(&trees, 3), [0.0, 1.0, 0.0]);
        assert_eq!(importances(&trees[1..], 2), [0.0, 0.0]);
    }

    #[test]
    fn sums_are_over_all_trees() {
        let features = Matrix::new([0.0, 1.0, 0.0, 3.0].repeat(300), 2).unwrap();
        let sums = sums(&[&stump(true), &stump(false)], &features, 1);
        assert_eq!(sums, [-2.0, 2.0].repeat(300));
    }
}
