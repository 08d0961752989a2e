//! Which samples train and which test.
//!
//! Without shuffling the folds are scikit-learn's, sample for sample. Shuffling draws from the crate's own
//! generator: the same seed gives the same folds, on any machine, but not those of NumPy.

mod group;
mod hold_out;
mod k_fold;
mod repeated;
mod stratified;
mod stratified_group;
mod time;

use std::fmt;

pub(crate) use group::places;
pub use hold_out::HoldOut;
pub use time::TimeSeriesSplit;

use crate::error::{StatsError, check_count};

/// One way to split samples into two parts. Both are in ascending order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fold {
    /// The samples to fit on.
    pub train: Vec<usize>,
    /// The samples to measure on.
    pub test: Vec<usize>,
}

/// Folds, with what is doubtful about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folds {
    /// One for each split, repetition after repetition.
    pub folds: Vec<Fold>,
    /// What the folds could not do.
    pub warnings: Vec<FoldWarning>,
}

/// Something that folds could not do, and went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoldWarning {
    /// A class has fewer samples than there are folds: some test part has none of it.
    RareClass {
        /// The class with the fewest samples.
        class: u32,
        /// How many samples it has.
        samples: usize,
        /// How many folds were asked for.
        folds: usize,
    },
}

impl fmt::Display for FoldWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RareClass { class, samples, folds } => {
                write!(out, "class {class} has {samples} samples, fewer than the {folds} folds")
            }
        }
    }
}

/// K folds: every sample is in one test part and in the training part of the other folds.
///
/// ```
/// use wharf_stats::KFold;
///
/// let folds = KFold::new(3).split(7)?;
/// assert_eq!(folds[0].test, [0, 1, 2]);
/// assert_eq!(folds[2].train, [0, 1, 2, 3, 4]);
/// let stratified = KFold::new(2).shuffled(7).stratified(&[0, 0, 0, 0, 1, 1])?;
/// assert_eq!(stratified.folds[0].test.len(), 3);
/// # Ok::<(), wharf_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KFold {
    /// How many folds, at least 2.
    pub folds: usize,
    /// Seed of the order of samples; none keeps the order of the data.
    pub shuffle: Option<u64>,
}

impl KFold {
    /// Folds in the order of the data.
    pub fn new(folds: usize) -> Self {
        Self { folds, shuffle: None }
    }

    /// Folds in an order drawn from `seed`.
    pub fn shuffled(self, seed: u64) -> Self {
        Self { shuffle: Some(seed), ..self }
    }

    fn check(&self, what: &'static str, count: usize) -> Result<(), StatsError> {
        if self.folds < 2 {
            return Err(StatsError::setting(format!("{} folds, expected at least 2", self.folds)));
        }
        check_count(what, count, self.folds)
    }
}

/// Makes folds of the number of each sample's test part.
fn folds_of(of_sample: &[usize], folds: usize) -> Vec<Fold> {
    let part = |fold: usize| {
        let (test, train) = (0..of_sample.len()).partition(|sample| of_sample[*sample] == fold);
        Fold { train, test }
    };
    (0..folds).map(part).collect()
}

#[cfg(test)]
mod tests;
