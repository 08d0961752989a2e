//! Predicted classes against true ones.

use super::ratio;
use crate::error::{StatsError, check_count, check_length};

/// The share of rows whose class is predicted.
///
/// # Errors
/// The columns differ in length or are empty.
pub fn accuracy(truth: &[u32], predicted: &[u32]) -> Result<f64, StatsError> {
    check_length("prediction", predicted.len(), truth.len())?;
    check_count("samples", truth.len(), 1)?;
    let right = truth.iter().zip(predicted).filter(|(truth, predicted)| truth == predicted).count();
    Ok(right as f64 / truth.len() as f64)
}

/// Precision and recall of one class. A share of nothing is 0.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassScore {
    /// Of the rows predicted to be of the class, the share that are.
    pub precision: f64,
    /// Of the rows of the class, the share that are predicted.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Rows of the class.
    pub support: u64,
}

/// Precision, recall and F1 over several classes or labels.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Averages {
    /// Mean of the precisions.
    pub precision: f64,
    /// Mean of the recalls.
    pub recall: f64,
    /// Mean of the F1 scores.
    pub f1: f64,
}

/// What a classifier takes for what.
///
/// ```
/// use wharf_stats::ClassReport;
///
/// let report = ClassReport::new(&[0, 0, 1, 1, 2], &[0, 1, 1, 1, 0], 3)?;
/// assert_eq!(report.confusion[0], [1, 1, 0]);
/// assert_eq!(report.balanced_accuracy(), 0.5);
/// assert!((report.macro_average().f1 - (0.5 + 0.8 + 0.0) / 3.0).abs() < 1e-12);
/// # Ok::<(), wharf_stats::StatsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ClassReport {
    /// `confusion[truth][prediction]`, square.
    pub confusion: Vec<Vec<u64>>,
    /// One for each class, in order.
    pub classes: Vec<ClassScore>,
}

impl ClassReport {
    /// Counts predictions of classes `0..classes`.
    ///
    /// # Errors
    /// The columns differ in length or are empty, or hold a class that is not below `classes`.
    pub fn new(truth: &[u32], predicted: &[u32], classes: usize) -> Result<Self, StatsError> {
        check_length("prediction", predicted.len(), truth.len())?;
        check_count("samples", truth.len(), 1)?;
        let mut confusion = vec![vec![0; classes]; classes];
        for (row, (truth, predicted)) in truth.iter().zip(predicted).enumerate() {
            let cell =
                confusion.get_mut(*truth as usize).and_then(|cells| cells.get_mut(*predicted as usize));
            let highest = f64::from(*truth.max(predicted));
            *cell.ok_or_else(|| {
                StatsError::value("class", row, highest, "less than the number of classes")
            })? += 1;
        }
        let classes = (0..classes).map(|class| score(&confusion, class)).collect();
        Ok(Self { confusion, classes })
    }

    /// The share of rows whose class is predicted.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = self.confusion.iter().enumerate().map(|(class, cells)| cells[class]).sum();
        ratio(right as f64, self.confusion.iter().flatten().sum::<u64>() as f64)
    }

    /// The mean recall of the classes that have rows.
    pub fn balanced_accuracy(&self) -> f64 {
        let recalls: Vec<f64> =
            self.classes.iter().filter(|class| class.support > 0).map(|class| class.recall).collect();
        ratio(recalls.iter().sum(), recalls.len() as f64)
    }

    /// Means over the classes that occur, as truth or as prediction.
    pub fn macro_average(&self) -> Averages {
        let occurs = |class: usize| {
            let predicted: u64 = self.confusion.iter().map(|cells| cells[class]).sum();
            f64::from(self.classes[class].support + predicted > 0)
        };
        self.average(occurs)
    }

    /// Means over the classes, weighted by their rows.
    pub fn weighted_average(&self) -> Averages {
        self.average(|class| self.classes[class].support as f64)
    }

    fn average(&self, weight: impl Fn(usize) -> f64) -> Averages {
        let total: f64 = (0..self.classes.len()).map(&weight).sum();
        let mean = |value: fn(&ClassScore) -> f64| {
            let sum: f64 =
                self.classes.iter().enumerate().map(|(place, class)| weight(place) * value(class)).sum();
            ratio(sum, total)
        };
        Averages {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
        }
    }
}

fn score(confusion: &[Vec<u64>], class: usize) -> ClassScore {
    let support: u64 = confusion[class].iter().sum();
    let predicted: u64 = confusion.iter().map(|cells| cells[class]).sum();
    ClassScore::from_counts(confusion[class][class], predicted, support)
}

impl ClassScore {
    pub(super) fn from_counts(hits: u64, predicted: u64, support: u64) -> Self {
        Self {
            precision: ratio(hits as f64, predicted as f64),
            recall: ratio(hits as f64, support as f64),
            f1: ratio(2.0 * hits as f64, (predicted + support) as f64),
            support,
        }
    }
}
