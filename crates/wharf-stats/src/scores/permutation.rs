//! How much worse a model gets when one column is shuffled.

use crate::error::StatsError;
use crate::random::{Purpose, Stream, in_parallel};

/// How permutation importance is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermutationImportance {
    /// Shuffles of each column.
    pub repeats: usize,
    /// Seed of the shuffles.
    pub seed: u64,
}

/// What a model loses without one column.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ColumnImportance {
    /// Mean loss of score.
    pub mean: f64,
    /// Standard deviation over the repetitions (over n).
    pub deviation: f64,
    /// The loss of score of each repetition.
    pub losses: Vec<f64>,
}

impl PermutationImportance {
    /// For each of `columns`: the score of the intact data, `baseline`, less that of the data with the column
    /// in another order. `score` is given the column and an order of the `rows`, takes the column's value of
    /// row `order[i]` for row `i`, and returns a score that is higher for a better model. It is called on all
    /// threads of the pool.
    ///
    /// # Errors
    /// The first error of `score`, by column and repetition; no repetition.
    pub fn measure<E, F>(
        &self,
        columns: usize,
        rows: usize,
        baseline: f64,
        score: F,
    ) -> Result<Vec<ColumnImportance>, E>
    where
        E: From<StatsError> + Send,
        F: Fn(usize, &[usize]) -> Result<f64, E> + Send + Sync,
    {
        if self.repeats == 0 {
            return Err(StatsError::setting("0 repetitions, expected at least 1").into());
        }
        let loss = |trial: usize| {
            let order = Stream::new(self.seed, Purpose::Permutation, trial as u64).permutation(rows);
            Ok(baseline - score(trial / self.repeats, &order)?)
        };
        let losses: Vec<f64> =
            in_parallel(columns * self.repeats, loss).into_iter().collect::<Result<_, E>>()?;
        Ok(losses.chunks_exact(self.repeats).map(importance).collect())
    }
}

fn importance(losses: &[f64]) -> ColumnImportance {
    let count = losses.len() as f64;
    let mean = losses.iter().sum::<f64>() / count;
    let variance = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / count;
    ColumnImportance { mean, deviation: variance.sqrt(), losses: losses.to_vec() }
}
