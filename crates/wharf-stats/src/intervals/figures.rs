//! Intervals of the usual figures.

use super::{Bootstrap, Interval};
use crate::error::{StatsError, check_count, check_finite, check_length};
use crate::metrics::{Ranking, check_numbers, determination};

impl Bootstrap {
    /// The interval of a mean over rows: of hits (accuracy), of losses, of squared or absolute errors.
    ///
    /// # Errors
    /// As [`Self::statistic`]; a value that is not finite.
    pub fn mean(&self, values: &[f64]) -> Result<Interval, StatsError> {
        check_finite("value", values)?;
        self.statistic(values.len(), |counts| mean(values, counts))
    }

    /// The interval of the root of a mean over rows: of squared errors, the root mean squared error.
    ///
    /// # Errors
    /// As [`Self::mean`].
    pub fn root_mean(&self, values: &[f64]) -> Result<Interval, StatsError> {
        check_finite("value", values)?;
        self.statistic(values.len(), |counts| mean(values, counts).map(f64::sqrt))
    }

    /// The interval of the share of rows whose class is predicted.
    ///
    /// # Errors
    /// As [`Self::statistic`]; columns of different length.
    pub fn accuracy(&self, truth: &[u32], predicted: &[u32]) -> Result<Interval, StatsError> {
        check_length("prediction", predicted.len(), truth.len())?;
        let hits: Vec<f64> = truth.iter().zip(predicted).map(|(a, b)| f64::from(u8::from(a == b))).collect();
        self.mean(&hits)
    }

    /// The interval of the area under the ROC curve ([`crate::roc_auc`]). Rows are sorted once: ten thousand
    /// rows and a thousand replicates take about a tenth of a second.
    ///
    /// # Errors
    /// As [`Self::statistic`] and [`crate::roc_auc`].
    pub fn auc(&self, truth: &[bool], scores: &[f64]) -> Result<Interval, StatsError> {
        let ranking = Ranking::new(truth, scores)?;
        ranking.check_both()?;
        self.statistic(truth.len(), |counts| ranking.auc(|row| counts[row]))
    }

    /// The interval of the coefficient of determination ([`crate::r_squared`]).
    ///
    /// # Errors
    /// As [`Self::statistic`] and [`crate::r_squared`].
    pub fn r_squared(&self, truth: &[f64], predicted: &[f64]) -> Result<Interval, StatsError> {
        check_numbers(truth, predicted, 2)?;
        self.statistic(truth.len(), |counts| {
            let centre = mean(truth, counts)?;
            let (mut missed, mut spread) = (0.0, 0.0);
            for ((truth, predicted), count) in truth.iter().zip(predicted).zip(counts) {
                missed += f64::from(*count) * (truth - predicted).powi(2);
                spread += f64::from(*count) * (truth - centre).powi(2);
            }
            Some(determination(missed, spread))
        })
    }

    /// The interval of the mean F1 of the classes that occur ([`crate::ClassReport::macro_average`]).
    ///
    /// # Errors
    /// As [`Self::statistic`]; columns of different length, a class that is not below `classes`.
    pub fn macro_f1(&self, truth: &[u32], predicted: &[u32], classes: usize) -> Result<Interval, StatsError> {
        check_length("prediction", predicted.len(), truth.len())?;
        check_count("classes", classes, 1)?;
        crate::ClassReport::new(truth, predicted, classes)?;
        self.statistic(truth.len(), |counts| {
            // Hits, and rows that bear or are given the class: F1 is twice the one over the other.
            let mut of_class = vec![[0_u64; 2]; classes];
            for ((truth, predicted), count) in truth.iter().zip(predicted).zip(counts) {
                of_class[*truth as usize][1] += u64::from(*count);
                of_class[*predicted as usize][1] += u64::from(*count);
                of_class[*truth as usize][0] += if truth == predicted { u64::from(*count) } else { 0 };
            }
            let seen = of_class.iter().filter(|[_, rows]| *rows > 0);
            let f1 = seen.clone().map(|[hits, rows]| 2.0 * *hits as f64 / *rows as f64);
            Some(f1.sum::<f64>() / seen.count() as f64)
        })
    }
}

/// The mean of values that count `counts` times.
pub(super) fn mean(values: &[f64], counts: &[u32]) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0_u64);
    for (value, count) in values.iter().zip(counts) {
        sum += value * f64::from(*count);
        total += u64::from(*count);
    }
    (total > 0).then(|| sum / total as f64)
}
