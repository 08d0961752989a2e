//! Folds that keep groups together and classes in proportion.

use super::group::places;
use super::stratified::check_classes;
use super::{Folds, KFold, folds_of};
use crate::error::{StatsError, check_length};
use crate::random::{Purpose, Stream};
use crate::sum::pairwise;

impl KFold {
    /// Splits samples so that all of a group are in one test part, and classes are spread as evenly as groups
    /// allow: groups with the most uneven classes go first, each to the fold that then differs least from the
    /// others. Shuffling changes the order of groups that are equally uneven.
    ///
    /// # Errors
    /// `groups` and `classes` differ in length, fewer than two folds, more folds than groups or than there are
    /// samples of any class.
    pub fn stratified_grouped(&self, classes: &[u32], groups: &[u32]) -> Result<Folds, StatsError> {
        check_length("groups", groups.len(), classes.len())?;
        let (of_sample, sizes) = places(groups);
        self.check("groups", sizes.len())?;
        let warnings = check_classes(classes, self.folds)?;
        let (of_class, class_sizes) = places(classes);
        let mut counts = vec![vec![0.0; class_sizes.len()]; sizes.len()];
        of_sample.iter().zip(&of_class).for_each(|(group, class)| counts[*group][*class] += 1.0);
        let mut order: Vec<usize> = (0..sizes.len()).collect();
        if let Some(seed) = self.shuffle {
            Stream::new(seed, Purpose::Folds, 0).shuffle(&mut order);
        }
        let unevenness: Vec<f64> = counts.iter().map(|counts| deviation(counts)).collect();
        order.sort_by(|a, b| unevenness[*b].total_cmp(&unevenness[*a]));
        let mut spread = Spread::new(self.folds, &class_sizes);
        let mut of_group = vec![0; sizes.len()];
        order.iter().for_each(|group| of_group[*group] = spread.place(&counts[*group]));
        let of_sample: Vec<usize> = of_sample.iter().map(|group| of_group[*group]).collect();
        Ok(Folds { folds: folds_of(&of_sample, self.folds), warnings })
    }
}

/// Samples of each class in each fold so far.
struct Spread {
    /// `[folds][classes]`.
    counts: Vec<Vec<f64>>,
    class_sizes: Vec<f64>,
}

impl Spread {
    fn new(folds: usize, class_sizes: &[usize]) -> Self {
        let class_sizes: Vec<f64> = class_sizes.iter().map(|size| *size as f64).collect();
        Self { counts: vec![vec![0.0; class_sizes.len()]; folds], class_sizes }
    }

    /// Adds a group to the fold that suits it best, and says which.
    fn place(&mut self, group: &[f64]) -> usize {
        let (mut best, mut least, mut fewest) = (0, f64::INFINITY, f64::INFINITY);
        for fold in 0..self.counts.len() {
            let unevenness = self.unevenness_with(fold, group);
            let samples = pairwise(&self.counts[fold]);
            let is_close = (unevenness - least).abs() <= 1e-8 + 1e-5 * least.abs();
            if unevenness < least || (least.is_finite() && is_close && samples < fewest) {
                (best, least, fewest) = (fold, unevenness, samples);
            }
        }
        self.counts[best].iter_mut().zip(group).for_each(|(count, more)| *count += more);
        best
    }

    /// The mean over classes of the deviation between folds, were `group` in `fold`.
    fn unevenness_with(&self, fold: usize, group: &[f64]) -> f64 {
        let of_class = |class: usize| {
            let share = |(place, counts): (usize, &Vec<f64>)| {
                (counts[class] + if place == fold { group[class] } else { 0.0 }) / self.class_sizes[class]
            };
            let shares: Vec<f64> = self.counts.iter().enumerate().map(share).collect();
            deviation_of(&shares, |values| values.iter().sum())
        };
        let deviations: Vec<f64> = (0..self.class_sizes.len()).map(of_class).collect();
        pairwise(&deviations) / deviations.len() as f64
    }
}

/// Standard deviation over n, summed as NumPy sums along a row: ties between groups must stay ties.
fn deviation(values: &[f64]) -> f64 {
    deviation_of(values, pairwise)
}

fn deviation_of(values: &[f64], sum: impl Fn(&[f64]) -> f64) -> f64 {
    let count = values.len() as f64;
    let mean = sum(values) / count;
    let squares: Vec<f64> = values.iter().map(|value| (value - mean) * (value - mean)).collect();
    (sum(&squares) / count).sqrt()
}
