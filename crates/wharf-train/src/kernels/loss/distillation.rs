//! Learning from a teacher's outputs (Hinton, Vinyals and Dean, 2015).

use super::cross_entropy;
use crate::error::TrainError;

/// How much of the loss is the label's and how much the teacher's:
/// `α CE(z_s, y) + (1 − α) T² KL(softmax(z_t / T) ‖ softmax(z_s / T))`, the divergence summed over classes and
/// averaged over rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distillation {
    /// T, above 0: the higher, the more the teacher's smaller outputs count.
    pub temperature: f64,
    /// α, 0 to 1: the share of the loss that is the cross-entropy of the true class.
    pub label_share: f64,
}

/// The value of a distillation loss over a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct DistillationLoss {
    /// What is minimised.
    pub loss: f64,
    /// The cross-entropy of the true classes, before its share.
    pub label_loss: f64,
    /// The divergence from the teacher, times T², before its share.
    pub teacher_loss: f64,
    /// Gradient of `loss` with respect to the student's outputs.
    pub gradient: Vec<f32>,
}

impl Distillation {
    /// The loss of the student's outputs and its gradient; the teacher's outputs are constants.
    ///
    /// # Shapes
    /// `student` and `teacher` `[N, K]` before softmax, flat; `labels` `[N]`.
    ///
    /// # Errors
    /// Shapes disagree, a label is not below K, a setting is out of range, or an output is not finite.
    pub fn loss(
        &self,
        student: &[f32],
        teacher: &[f32],
        labels: &[usize],
    ) -> Result<DistillationLoss, TrainError> {
        let classes = self.check(student, teacher, labels)?;
        let label = cross_entropy(student, labels, &vec![1.0; classes], 0.0);
        let (temperature, share) = (self.temperature, self.label_share);
        let rows = labels.len() as f64;
        // The gradient of T² KL by the student's outputs is T (q_s − q_t).
        let factor = (1.0 - share) * temperature / rows;
        let (mut divergence, mut gradient) = (0.0, Vec::with_capacity(student.len()));
        for (student, teacher) in student.chunks_exact(classes).zip(teacher.chunks_exact(classes)) {
            let (student, teacher) = (log_softmax(student, temperature), log_softmax(teacher, temperature));
            for (log_student, log_teacher) in student.into_iter().zip(teacher) {
                divergence += log_teacher.exp() * (log_teacher - log_student);
                gradient.push(factor * (log_student.exp() - log_teacher.exp()));
            }
        }
        let label_loss = f64::from(label.loss);
        let teacher_loss = temperature * temperature * divergence.max(0.0) / rows;
        let gradient = gradient.into_iter().zip(label.gradient);
        Ok(DistillationLoss {
            loss: share * label_loss + (1.0 - share) * teacher_loss,
            label_loss,
            teacher_loss,
            gradient: gradient.map(|(teacher, label)| (teacher + share * f64::from(label)) as f32).collect(),
        })
    }

    /// The number of classes.
    fn check(&self, student: &[f32], teacher: &[f32], labels: &[usize]) -> Result<usize, TrainError> {
        let problem = |key: &str, text: String| Err(TrainError::setting(key, text));
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return problem("temperature", format!("is {}, expected a number above 0", self.temperature));
        }
        if !(0.0..=1.0).contains(&self.label_share) {
            return problem("label_share", format!("is {}, expected 0 to 1", self.label_share));
        }
        let classes = student.len() / labels.len().max(1);
        if classes == 0 || student.len() != classes * labels.len() || teacher.len() != student.len() {
            let text = format!(
                "{} outputs of the student and {} of the teacher for {} labels, expected as many for each",
                student.len(),
                teacher.len(),
                labels.len()
            );
            return problem("distillation", text);
        }
        if let Some(label) = labels.iter().find(|label| **label >= classes) {
            return problem("labels", format!("hold {label}, expected less than {classes}"));
        }
        if student.iter().chain(teacher).any(|output| !output.is_finite()) {
            return problem("distillation", "an output is not a finite number".to_owned());
        }
        Ok(classes)
    }
}

/// `ln softmax(row / temperature)`.
fn log_softmax(row: &[f32], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = row.iter().map(|output| f64::from(*output) / temperature).collect();
    let highest = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = scaled.iter().map(|value| (value - highest).exp()).sum();
    let log_sum = highest + sum.ln();
    scaled.into_iter().map(|value| value - log_sum).collect()
}
