//! What a run measures: one line per epoch, and the evaluation of the finished network.

use serde::{Deserialize, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Counted from 1.
    pub epoch: u32,
    /// Mean loss over the training pictures of this epoch, as the steps saw them.
    pub train_loss: f64,
    /// Share of the training pictures that were classified rightly while training, 0 to 1.
    pub train_accuracy: f64,
    /// Mean loss over the evaluation split after the epoch; absent where the recipe has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval_loss: Option<f64>,
    /// Share of the evaluation split that is classified rightly after the epoch, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eval_accuracy: Option<f64>,
    /// The learning rate of the last step of the epoch.
    pub learning_rate: f64,
    /// Wall time of the epoch's steps, loader included, evaluation excluded.
    pub seconds: f64,
    /// Training pictures divided by `seconds`.
    pub pictures_per_second: f64,
}

/// How a network does on a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Mean loss over the split.
    pub loss: f64,
    /// Share of the split that is classified rightly, 0 to 1.
    pub accuracy: f64,
    /// How many pictures the split holds.
    pub pictures: u64,
    /// One entry per class, in the order of the labels.
    pub classes: Vec<ClassScores>,
    /// Which class was taken for which.
    pub confusion: ConfusionMatrix,
}

/// Precision and recall of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScores {
    /// The class's name.
    pub label: String,
    /// Of the pictures given this label, the share that bear it; 0 where none was given it.
    pub precision: f64,
    /// Of the pictures that bear this label, the share that were given it; 0 where none bears it.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// How many pictures of the split bear this label.
    pub support: u64,
}

/// Counts of (true class, predicted class).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfusionMatrix {
    /// The classes' names, in order.
    pub labels: Vec<String>,
    /// `counts[truth][prediction]`, square.
    pub counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// An empty matrix over `labels`.
    pub fn new(labels: Vec<String>) -> Self {
        let counts = vec![vec![0; labels.len()]; labels.len()];
        Self { labels, counts }
    }

    /// Counts one picture. Classes outside the labels are ignored.
    pub fn add(&mut self, truth: usize, prediction: usize) {
        if let Some(cell) = self.counts.get_mut(truth).and_then(|row| row.get_mut(prediction)) {
            *cell += 1;
        }
    }

    /// How many pictures were counted.
    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// How many pictures lie on the diagonal.
    pub fn correct(&self) -> u64 {
        self.counts.iter().enumerate().filter_map(|(class, row)| row.get(class)).sum()
    }

    /// Precision, recall and F1 of each class.
    pub fn scores(&self) -> Vec<ClassScores> {
        self.labels.iter().enumerate().map(|(class, label)| self.class_scores(class, label)).collect()
    }

    fn class_scores(&self, class: usize, label: &str) -> ClassScores {
        let hits = self.counts[class][class];
        let support = self.counts[class].iter().sum();
        let predicted = self.counts.iter().map(|row| row[class]).sum();
        let (precision, recall) = (ratio(hits, predicted), ratio(hits, support));
        let sum = precision + recall;
        let f1 = if sum > 0.0 { 2.0 * precision * recall / sum } else { 0.0 };
        ClassScores { label: label.to_owned(), precision, recall, f1, support }
    }
}

impl Evaluation {
    /// The evaluation that follows from a filled matrix and the summed loss of its pictures.
    pub fn from_confusion(confusion: ConfusionMatrix, loss_sum: f64) -> Self {
        let pictures = confusion.total();
        Self {
            loss: if pictures == 0 { 0.0 } else { loss_sum / pictures as f64 },
            accuracy: ratio(confusion.correct(), pictures),
            pictures,
            classes: confusion.scores(),
            confusion,
        }
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_follow_from_the_confusion_matrix() {
        let mut confusion = ConfusionMatrix::new(vec!["cat".into(), "dog".into()]);
        for (truth, prediction) in [(0, 0), (0, 0), (0, 1), (1, 1), (7, 0)] {
            confusion.add(truth, prediction);
        }
        let evaluation = Evaluation::from_confusion(confusion, 2.0);
        assert_eq!((evaluation.pictures, evaluation.accuracy, evaluation.loss), (4, 0.75, 0.5));
        let cat = &evaluation.classes[0];
        assert_eq!((cat.precision, cat.support), (1.0, 3));
        assert!((cat.recall - 2.0 / 3.0).abs() < 1e-12 && (cat.f1 - 0.8).abs() < 1e-12);
    }

    #[test]
    fn classes_without_pictures_score_zero() {
        let evaluation = Evaluation::from_confusion(ConfusionMatrix::new(vec!["a".into()]), 0.0);
        assert_eq!((evaluation.loss, evaluation.accuracy, evaluation.classes[0].f1), (0.0, 0.0, 0.0));
    }

    #[test]
    fn epoch_line_leaves_out_what_was_not_measured() {
        let line = EpochMetrics {
            epoch: 1,
            train_loss: 2.0,
            train_accuracy: 0.1,
            eval_loss: None,
            eval_accuracy: None,
            learning_rate: 0.1,
            seconds: 1.0,
            pictures_per_second: 10.0,
        };
        let json = serde_json::to_string(&line).unwrap();
        assert!(!json.contains("eval"));
        assert_eq!(serde_json::from_str::<EpochMetrics>(&json).unwrap(), line);
    }
}
