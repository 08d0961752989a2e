//! How the chosen model does on rows that no trial has seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wharf_learn::Prediction;
use wharf_stats::{Bootstrap, BootstrapMethod};

use crate::TabularError;
use crate::metric::Metric;
use crate::target::Learned;

/// How the chosen model does on rows that no trial has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableEvaluation {
    /// How many rows there are.
    pub rows: usize,
    /// What models were compared by.
    pub metric: Metric,
    /// Its value.
    pub score: f64,
    /// Within this it lies with 95 % confidence, by bootstrap over the rows; none where it cannot be said.
    pub interval: Option<[f64; 2]>,
    /// Every metric of the task, by name.
    pub metrics: BTreeMap<String, f64>,
    /// The classes' names; none for numbers.
    pub labels: Vec<String>,
    /// Rows by true class, then by predicted class; none for numbers.
    pub confusion: Vec<Vec<u64>>,
}

impl TableEvaluation {
    /// Judges `predicted`.
    ///
    /// # Errors
    /// The metric is not defined for these rows.
    pub(crate) fn of(
        learned: &Learned,
        predicted: &Prediction,
        metric: Metric,
        seed: u64,
    ) -> Result<Self, TabularError> {
        let wrong = |error: wharf_stats::StatsError| {
            TabularError::data(format!("{} of the rows held out: {error}", metric.name()))
        };
        let score = metric.score(learned, predicted).map_err(wrong)?;
        // One that is not defined here, such as an area without a rare class, is left out.
        let metrics = Metric::ALL
            .into_iter()
            .filter(|metric| metric.task() == learned.task())
            .filter_map(|metric| Some((metric.name().to_owned(), metric.score(learned, predicted).ok()?)))
            .filter(|(_, score)| score.is_finite())
            .collect();
        Ok(Self {
            rows: predicted.len(),
            metric,
            score,
            interval: interval(learned, predicted, metric, seed),
            metrics,
            labels: learned.labels().to_vec(),
            confusion: confusion(learned, predicted),
        })
    }
}

fn confusion(learned: &Learned, predicted: &Prediction) -> Vec<Vec<u64>> {
    let (Learned::Classes { indices, labels }, Some(predicted)) = (learned, predicted.classes()) else {
        return Vec::new();
    };
    let mut counts = vec![vec![0; labels.len()]; labels.len()];
    for (truth, predicted) in indices.iter().zip(predicted) {
        counts[*truth as usize][predicted as usize] += 1;
    }
    counts
}

/// By bootstrap over the rows.
fn interval(learned: &Learned, predicted: &Prediction, metric: Metric, seed: u64) -> Option<[f64; 2]> {
    let bootstrap = Bootstrap { seed, ..Bootstrap::default() };
    let found = match (learned, predicted, metric) {
        (Learned::Classes { indices, labels }, _, Metric::RocAuc) if labels.len() == 2 => {
            let positive: Vec<bool> = indices.iter().map(|class| *class == 1).collect();
            bootstrap.auc(&positive, &predicted.probability_of(1)?)
        }
        _ => {
            let percentile = Bootstrap { method: BootstrapMethod::Percentile, ..bootstrap };
            percentile.statistic(predicted.len(), |counts| {
                let rows: Vec<usize> = drawn(counts);
                metric.score(&learned.select(&rows), &select(predicted, &rows)).ok()
            })
        }
    };
    let found = found.ok()?;
    Some([found.low, found.high])
}

/// Each row as often as it counts.
fn drawn(counts: &[u32]) -> Vec<usize> {
    counts.iter().enumerate().flat_map(|(row, count)| std::iter::repeat_n(row, *count as usize)).collect()
}

fn select(predicted: &Prediction, rows: &[usize]) -> Prediction {
    match predicted {
        Prediction::Probabilities { values, classes } => Prediction::Probabilities {
            values: rows.iter().flat_map(|row| &values[row * classes..][..*classes]).copied().collect(),
            classes: *classes,
        },
        Prediction::Numbers(numbers) => Prediction::Numbers(rows.iter().map(|row| numbers[*row]).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_evaluated_with_an_interval_and_a_confusion_matrix() {
        let indices: Vec<u32> = (0..100).map(|row| row % 2).collect();
        let right = |row: u32| !row.is_multiple_of(10);
        let values = (0..100_u32).flat_map(|row| {
            let is_second = (row % 2 == 1) == right(row);
            if is_second { [0.3, 0.7] } else { [0.6, 0.4] }
        });
        let predicted = Prediction::Probabilities { values: values.collect(), classes: 2 };
        let learned = Learned::Classes { indices, labels: vec!["a".into(), "b".into()] };
        let found = TableEvaluation::of(&learned, &predicted, Metric::Accuracy, 1).unwrap();
        assert_eq!((found.score, found.rows), (0.9, 100));
        assert_eq!(found.confusion, [[40, 10], [0, 50]]);
        let [low, high] = found.interval.unwrap();
        assert!(low > 0.8 && low < 0.9 && high > 0.9 && high < 1.0, "{low} {high}");
        assert_eq!(
            found.metrics.keys().map(String::as_str).collect::<Vec<_>>(),
            ["accuracy", "balanced_accuracy", "f1", "log_loss", "roc_auc"]
        );
    }

    #[test]
    fn numbers_are_evaluated_with_an_interval() {
        let truth: Vec<f64> = (0..50).map(f64::from).collect();
        let predicted =
            Prediction::Numbers(truth.iter().map(|value| value + (value * 7.0) % 3.0 - 1.0).collect());
        let found = TableEvaluation::of(&Learned::Numbers(truth), &predicted, Metric::Mae, 1).unwrap();
        let [low, high] = found.interval.unwrap();
        assert!(low < found.score && found.score < high && found.confusion.is_empty());
    }
}
