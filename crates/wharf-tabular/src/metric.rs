//! What models are compared by.

use serde::{Deserialize, Serialize};
use wharf_learn::Prediction;
use wharf_stats::StatsError;

use crate::recipe::TableTask;
use crate::target::Learned;

/// What models are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// The area under the receiver operating characteristic; the mean over the classes where there are several.
    RocAuc,
    /// The share of right answers.
    Accuracy,
    /// The mean recall of the classes.
    BalancedAccuracy,
    /// The mean F1 of the classes.
    F1,
    /// The cross entropy in nats.
    LogLoss,
    /// The share of the target's variance that is explained.
    R2,
    /// The root of the mean squared error, in the target's unit.
    Rmse,
    /// The mean absolute error, in the target's unit.
    Mae,
}

impl Metric {
    /// Those for classes, then those for numbers.
    pub const ALL: [Self; 8] = [
        Self::RocAuc,
        Self::Accuracy,
        Self::BalancedAccuracy,
        Self::F1,
        Self::LogLoss,
        Self::R2,
        Self::Rmse,
        Self::Mae,
    ];

    /// The one that is meant where none is named.
    pub fn of_task(task: TableTask) -> Self {
        match task {
            TableTask::Classification => Self::RocAuc,
            TableTask::Regression => Self::R2,
        }
    }

    /// As recipes and manifests name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::RocAuc => "roc_auc",
            Self::Accuracy => "accuracy",
            Self::BalancedAccuracy => "balanced_accuracy",
            Self::F1 => "f1",
            Self::LogLoss => "log_loss",
            Self::R2 => "r2",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
        }
    }

    /// What it judges.
    pub fn task(self) -> TableTask {
        match self {
            Self::R2 | Self::Rmse | Self::Mae => TableTask::Regression,
            _ => TableTask::Classification,
        }
    }

    /// Whether more is better.
    pub fn is_gain(self) -> bool {
        !matches!(self, Self::LogLoss | Self::Rmse | Self::Mae)
    }

    /// A number that is greater where the model is better.
    pub fn gain(self, score: f64) -> f64 {
        if self.is_gain() { score } else { -score }
    }

    /// How well `predicted` agrees with `learned`.
    ///
    /// # Errors
    /// They do not fit each other, or the metric is not defined for them, such as an area where one class alone is
    /// there.
    pub(crate) fn score(self, learned: &Learned, predicted: &Prediction) -> Result<f64, StatsError> {
        match (learned, predicted) {
            (Learned::Classes { indices, .. }, Prediction::Probabilities { values, classes }) => {
                self.of_classes(indices, values, *classes, &predicted.classes().unwrap_or_default())
            }
            (Learned::Numbers(numbers), Prediction::Numbers(predicted)) => match self {
                Self::Rmse => wharf_stats::root_mean_squared_error(numbers, predicted),
                Self::Mae => wharf_stats::mean_absolute_error(numbers, predicted),
                _ => wharf_stats::r_squared(numbers, predicted),
            },
            // Estimators predict what they were fitted to.
            _ => Ok(f64::NAN),
        }
    }

    fn of_classes(
        self,
        truth: &[u32],
        probabilities: &[f64],
        classes: usize,
        predicted: &[u32],
    ) -> Result<f64, StatsError> {
        match self {
            Self::RocAuc if classes == 2 => {
                let positive: Vec<bool> = truth.iter().map(|class| *class == 1).collect();
                let scores: Vec<f64> = probabilities.iter().skip(1).step_by(2).copied().collect();
                wharf_stats::roc_auc(&positive, &scores)
            }
            Self::RocAuc => wharf_stats::roc_auc_one_vs_rest(truth, probabilities, classes),
            Self::LogLoss => wharf_stats::log_loss(truth, probabilities, classes),
            Self::BalancedAccuracy => {
                Ok(wharf_stats::ClassReport::new(truth, predicted, classes)?.balanced_accuracy())
            }
            Self::F1 => Ok(wharf_stats::ClassReport::new(truth, predicted, classes)?.macro_average().f1),
            _ => wharf_stats::accuracy(truth, predicted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned() -> Learned {
        Learned::Classes { indices: vec![0, 0, 1, 1], labels: vec!["a".into(), "b".into()] }
    }

    #[test]
    fn classes_are_judged_by_probability_or_by_the_most_probable() {
        let predicted =
            Prediction::Probabilities { values: vec![0.9, 0.1, 0.4, 0.6, 0.45, 0.55, 0.2, 0.8], classes: 2 };
        let score = |metric: Metric| metric.score(&learned(), &predicted).unwrap();
        assert_eq!((score(Metric::RocAuc), score(Metric::Accuracy)), (0.75, 0.75));
        assert_eq!(score(Metric::BalancedAccuracy), 0.75);
        assert!((score(Metric::F1) - (2.0 / 3.0 + 0.8) / 2.0).abs() < 1e-12);
        assert!(score(Metric::LogLoss) > 0.4);
    }

    #[test]
    fn numbers_are_judged_by_their_distance() {
        let (learned, predicted) =
            (Learned::Numbers(vec![1.0, 2.0, 3.0]), Prediction::Numbers(vec![1.0, 2.0, 5.0]));
        let score = |metric: Metric| metric.score(&learned, &predicted).unwrap();
        assert_eq!((score(Metric::R2), score(Metric::Mae)), (-1.0, 2.0 / 3.0));
        assert!((score(Metric::Rmse) - (4.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!(Metric::Mae.gain(1.0) < Metric::Mae.gain(0.5) && Metric::R2.gain(1.0) > Metric::R2.gain(0.5));
    }

    #[test]
    fn every_metric_has_a_name_that_recipes_can_say() {
        for metric in Metric::ALL {
            assert_eq!(serde_json::to_value(metric).unwrap(), metric.name());
        }
    }

    #[test]
    fn an_area_without_one_of_the_classes_is_an_error() {
        let learned = Learned::Classes { indices: vec![1, 1], labels: vec!["a".into(), "b".into()] };
        let predicted = Prediction::Probabilities { values: vec![0.5; 4], classes: 2 };
        assert!(Metric::RocAuc.score(&learned, &predicted).is_err());
    }
}
