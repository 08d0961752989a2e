//! Folds that only look back.

use super::Fold;
use crate::error::{StatsError, check_count};

/// Samples in order of time: each test part follows its training part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSeriesSplit {
    /// How many test parts, at least 2.
    pub folds: usize,
    /// Samples in a test part; `samples / (folds + 1)` where none is given.
    pub test_size: Option<usize>,
    /// The last samples before the test part that are kept out of the training part.
    pub gap: usize,
    /// Samples in a training part at most: the latest.
    pub longest_train: Option<usize>,
}

impl TimeSeriesSplit {
    /// Test parts of even size, no gap, all earlier samples to train on.
    pub fn new(folds: usize) -> Self {
        Self { folds, test_size: None, gap: 0, longest_train: None }
    }

    /// Splits `samples`, of which the first is the earliest.
    ///
    /// # Errors
    /// Fewer than two folds, parts of no samples, or a first training part without samples.
    pub fn split(&self, samples: usize) -> Result<Vec<Fold>, StatsError> {
        if self.folds < 2 {
            return Err(StatsError::setting(format!("{} folds, expected at least 2", self.folds)));
        }
        check_count("samples", samples, self.folds.saturating_add(1))?;
        let size = self.test_size.unwrap_or(samples / (self.folds + 1));
        if size == 0 || self.longest_train == Some(0) {
            return Err(StatsError::setting("a part of 0 samples, expected at least 1"));
        }
        let needed = size.saturating_mul(self.folds).saturating_add(self.gap).saturating_add(1);
        check_count("samples for these folds, test size and gap", samples, needed)?;
        let fold = |start: usize| {
            let end = start - self.gap;
            let first = end.saturating_sub(self.longest_train.unwrap_or(end));
            Fold { train: (first..end).collect(), test: (start..start + size).collect() }
        };
        Ok((samples - self.folds * size..samples).step_by(size).map(fold).collect())
    }
}
