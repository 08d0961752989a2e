//! Rows that bear any number of labels.

use super::classes::{Averages, ClassScore};
use super::ratio;
use crate::error::{StatsError, check_count, check_length};

/// How well labels are predicted.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct MultiLabelReport {
    /// One for each label, in order.
    pub labels: Vec<ClassScore>,
    /// Means over the labels.
    pub macro_average: Averages,
    /// Of all labels of all rows taken together.
    pub micro_average: Averages,
    /// Mean over the rows of each row's F1; a row that bears no label and is given none counts 0.
    pub samples_f1: f64,
    /// The share of labels that are wrong.
    pub hamming_loss: f64,
    /// The share of rows that have exactly the right labels.
    pub exact: f64,
}

/// Compares predicted labels with true ones; both `[rows, labels]`, row after row.
///
/// # Errors
/// The matrices differ in size, are empty, or do not divide into rows of `labels`.
pub fn multi_label(
    truth: &[bool],
    predicted: &[bool],
    labels: usize,
) -> Result<MultiLabelReport, StatsError> {
    check_length("prediction", predicted.len(), truth.len())?;
    check_count("labels", labels, 1)?;
    check_count("samples", truth.len() / labels, 1)?;
    check_length("truth", truth.len(), truth.len() / labels * labels)?;
    // Hits, predictions and support of each label.
    let mut counts = vec![[0_u64; 3]; labels];
    let (mut samples_f1, mut exact, mut wrong) = (0.0, 0_usize, 0_usize);
    for (truth, predicted) in truth.chunks_exact(labels).zip(predicted.chunks_exact(labels)) {
        let mut of_row = [0; 3];
        for (label, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            let seen = [*truth && *predicted, *predicted, *truth].map(u64::from);
            (0..3).for_each(|kind| counts[label][kind] += seen[kind]);
            (0..3).for_each(|kind| of_row[kind] += seen[kind]);
            wrong += usize::from(truth != predicted);
        }
        samples_f1 += ClassScore::from_counts(of_row[0], of_row[1], of_row[2]).f1;
        exact += usize::from(truth == predicted);
    }
    let rows = (truth.len() / labels) as f64;
    let scores: Vec<ClassScore> =
        counts.iter().map(|[hits, given, borne]| ClassScore::from_counts(*hits, *given, *borne)).collect();
    let total =
        counts.iter().fold([0; 3], |sum, count| [sum[0] + count[0], sum[1] + count[1], sum[2] + count[2]]);
    let all = ClassScore::from_counts(total[0], total[1], total[2]);
    let mean = |value: fn(&ClassScore) -> f64| ratio(scores.iter().map(value).sum(), labels as f64);
    Ok(MultiLabelReport {
        macro_average: Averages {
            precision: mean(|score| score.precision),
            recall: mean(|score| score.recall),
            f1: mean(|score| score.f1),
        },
        micro_average: Averages { precision: all.precision, recall: all.recall, f1: all.f1 },
        labels: scores,
        samples_f1: samples_f1 / rows,
        hamming_loss: wrong as f64 / truth.len() as f64,
        exact: exact as f64 / rows,
    })
}
