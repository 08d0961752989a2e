//! Folds drawn several times over.

use super::{Fold, Folds, KFold};
use crate::error::StatsError;
use crate::random::{Purpose, Stream};

impl KFold {
    /// [`Self::split`], `repeats` times, each shuffled with a seed of its own drawn from `seed`.
    ///
    /// # Errors
    /// No repetition, and as [`Self::split`].
    pub fn repeated(&self, samples: usize, repeats: usize, seed: u64) -> Result<Vec<Fold>, StatsError> {
        let runs = self.runs(repeats, seed, |folds| folds.split(samples))?;
        Ok(runs.into_iter().flatten().collect())
    }

    /// [`Self::stratified`], `repeats` times, each shuffled with a seed of its own drawn from `seed`.
    ///
    /// # Errors
    /// No repetition, and as [`Self::stratified`].
    pub fn repeated_stratified(
        &self,
        classes: &[u32],
        repeats: usize,
        seed: u64,
    ) -> Result<Folds, StatsError> {
        let mut runs = self.runs(repeats, seed, |folds| folds.stratified(classes))?;
        let warnings = runs.first_mut().map(|run| std::mem::take(&mut run.warnings)).unwrap_or_default();
        Ok(Folds { folds: runs.into_iter().flat_map(|run| run.folds).collect(), warnings })
    }

    fn runs<T>(
        &self,
        repeats: usize,
        seed: u64,
        split: impl Fn(KFold) -> Result<T, StatsError>,
    ) -> Result<Vec<T>, StatsError> {
        if repeats == 0 {
            return Err(StatsError::setting("0 repetitions, expected at least 1"));
        }
        let seed = |repeat| Stream::new(seed, Purpose::Repeat, repeat).next_u64();
        (0..repeats as u64).map(|repeat| split(self.shuffled(seed(repeat)))).collect()
    }
}
