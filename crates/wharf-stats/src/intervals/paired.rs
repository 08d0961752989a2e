//! The paired bootstrap: two models on the same rows.

use super::figures::mean;
use super::{Bootstrap, Interval};
use crate::error::{StatsError, check_finite, check_length};
use crate::metrics::Ranking;

/// By how much one figure exceeds another.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PairedDifference {
    /// First less second.
    pub difference: Interval,
    /// How likely replicates would lie as much on both sides of zero if there were no difference (two-sided,
    /// at least 2 / (replicates + 1)).
    pub p_value: f64,
}

impl Bootstrap {
    /// The difference of two figures over rows drawn for both. `difference` is as in [`Self::statistic`].
    ///
    /// # Errors
    /// As [`Self::statistic`].
    pub fn paired(
        &self,
        rows: usize,
        difference: impl Fn(&[u32]) -> Option<f64> + Send + Sync,
    ) -> Result<PairedDifference, StatsError> {
        let (estimate, replicates) = self.replicates_of(rows, &difference)?;
        let below = replicates.iter().filter(|value| **value <= 0.0).count();
        let above = replicates.iter().filter(|value| **value >= 0.0).count();
        let p_value = 2.0 * (below.min(above) + 1) as f64 / (replicates.len() + 1) as f64;
        let difference = self.interval(rows, estimate, replicates, &difference)?;
        Ok(PairedDifference { difference, p_value: p_value.min(1.0) })
    }

    /// The difference of the means of two columns of hits or losses, row by row.
    ///
    /// # Errors
    /// As [`Self::statistic`]; columns of different length, a value that is not finite.
    pub fn paired_means(&self, first: &[f64], second: &[f64]) -> Result<PairedDifference, StatsError> {
        check_length("second column", second.len(), first.len())?;
        check_finite("first column", first)?;
        check_finite("second column", second)?;
        let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
        self.paired(first.len(), |counts| mean(&differences, counts))
    }

    /// The difference of the areas under the ROC curve of two models' scores.
    ///
    /// # Errors
    /// As [`Self::statistic`] and [`crate::roc_auc`].
    pub fn paired_auc(
        &self,
        truth: &[bool],
        first: &[f64],
        second: &[f64],
    ) -> Result<PairedDifference, StatsError> {
        let (first, second) = (Ranking::new(truth, first)?, Ranking::new(truth, second)?);
        first.check_both()?;
        self.paired(truth.len(), |counts| {
            Some(first.auc(|row| counts[row])? - second.auc(|row| counts[row])?)
        })
    }
}
