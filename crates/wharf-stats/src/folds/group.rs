//! Folds that keep groups together.

use super::k_fold::even_ranges;
use super::{Fold, KFold, folds_of};
use crate::error::StatsError;
use crate::random::{Purpose, Stream};

impl KFold {
    /// Splits samples so that all of a group are in one test part.
    ///
    /// In the order of the data, groups go to the smallest fold so far, the largest group first. Shuffled,
    /// the groups are put in random order and dealt out in equal number, whatever their size.
    ///
    /// # Errors
    /// Fewer than two folds, or more folds than groups.
    pub fn grouped(&self, groups: &[u32]) -> Result<Vec<Fold>, StatsError> {
        let (of_sample, sizes) = places(groups);
        self.check("groups", sizes.len())?;
        let of_group = match self.shuffle {
            Some(seed) => dealt(sizes.len(), self.folds, Stream::new(seed, Purpose::Folds, 0)),
            None => balanced(&sizes, self.folds),
        };
        let of_sample: Vec<usize> = of_sample.into_iter().map(|group| of_group[group]).collect();
        Ok(folds_of(&of_sample, self.folds))
    }
}

/// The place of each sample's group among the sorted groups, and the size of each group.
pub(crate) fn places(groups: &[u32]) -> (Vec<usize>, Vec<usize>) {
    let mut names = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    let place = |group: &u32| names.partition_point(|name| name < group);
    let of_sample: Vec<usize> = groups.iter().map(place).collect();
    let mut sizes = vec![0; names.len()];
    of_sample.iter().for_each(|group| sizes[*group] += 1);
    (of_sample, sizes)
}

/// The fold of each group: the largest first, of equals the last, into the smallest fold, of equals the first.
fn balanced(sizes: &[usize], folds: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).rev().collect();
    order.sort_by_key(|group| std::cmp::Reverse(sizes[*group]));
    let (mut of_group, mut filled) = (vec![0; sizes.len()], vec![0; folds]);
    for group in order {
        let fold = (0..folds).min_by_key(|fold| filled[*fold]).unwrap_or(0);
        of_group[group] = fold;
        filled[fold] += sizes[group];
    }
    of_group
}

fn dealt(groups: usize, folds: usize, mut stream: Stream) -> Vec<usize> {
    let order = stream.permutation(groups);
    let mut of_group = vec![0; groups];
    for (fold, range) in even_ranges(groups, folds).enumerate() {
        order[range].iter().for_each(|group| of_group[*group] = fold);
    }
    of_group
}
