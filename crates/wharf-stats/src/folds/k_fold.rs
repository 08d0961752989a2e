//! Plain folds.

use super::{Fold, KFold, folds_of};
use crate::error::StatsError;
use crate::random::{Purpose, Stream};

impl KFold {
    /// Splits `samples` into folds that differ by one sample at most: the first `samples % folds` are larger.
    ///
    /// # Errors
    /// Fewer than two folds, or more folds than samples.
    pub fn split(&self, samples: usize) -> Result<Vec<Fold>, StatsError> {
        self.check("samples", samples)?;
        let order = match self.shuffle {
            Some(seed) => Stream::new(seed, Purpose::Folds, 0).permutation(samples),
            None => (0..samples).collect(),
        };
        let mut of_sample = vec![0; samples];
        for (fold, range) in even_ranges(samples, self.folds).enumerate() {
            order[range].iter().for_each(|sample| of_sample[*sample] = fold);
        }
        Ok(folds_of(&of_sample, self.folds))
    }
}

/// `parts` ranges that follow each other and differ by one in length, the longer first.
pub(super) fn even_ranges(count: usize, parts: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let (size, longer) = (count / parts, count % parts);
    (0..parts).map(move |part| {
        let start = part * size + part.min(longer);
        start..start + size + usize::from(part < longer)
    })
}
