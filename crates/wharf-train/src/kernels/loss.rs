//! Losses: their value over a batch and their gradient with respect to the logits.

mod distillation;
mod elements;

pub use distillation::{Distillation, DistillationLoss};
pub(crate) use elements::{ElementLoss, binary_cross_entropy, huber, mean_absolute_error};

/// What a batch's predictions cost.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BatchLoss {
    /// The loss that is minimised: weighted and averaged.
    pub(crate) loss: f32,
    /// How many predictions were right.
    pub(crate) correct: usize,
    /// Gradient of `loss` with respect to the logits.
    pub(crate) gradient: Vec<f32>,
}

/// Cross-entropy over `[N, classes]` logits, as PyTorch defines it with weights and label smoothing: the mean
/// is over the weights of the true classes.
pub(crate) fn cross_entropy(logits: &[f32], truth: &[usize], weights: &[f32], smoothing: f32) -> BatchLoss {
    let classes = weights.len();
    let total: f64 = truth.iter().map(|&class| f64::from(weights[class])).sum();
    let (smoothing, share) = (f64::from(smoothing), f64::from(smoothing) / classes as f64);
    let mut result = BatchLoss { loss: 0.0, correct: 0, gradient: vec![0.0; logits.len()] };
    let mut loss = 0.0;
    for ((row, gradient), &class) in
        logits.chunks_exact(classes).zip(result.gradient.chunks_exact_mut(classes)).zip(truth)
    {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|&logit| f64::from(logit - highest).exp()).sum();
        let log_sum = sum.ln() + f64::from(highest);
        // Each class's target is its weight times its share of the smoothed label.
        let target = |index: usize| {
            let label = if index == class { 1.0 - smoothing } else { 0.0 };
            f64::from(weights[index]) * (label + share)
        };
        let mass: f64 = (0..classes).map(target).sum();
        for (index, (gradient, &logit)) in gradient.iter_mut().zip(row).enumerate() {
            let log_probability = f64::from(logit) - log_sum;
            loss -= target(index) * log_probability;
            *gradient = ((mass * log_probability.exp() - target(index)) / total) as f32;
        }
        result.correct += usize::from(argmax(row) == class);
    }
    result.loss = (loss / total) as f32;
    result
}

/// Mean squared distance between `[N, classes]` outputs and one-hot labels, over all elements.
pub(crate) fn mean_squared_error(outputs: &[f32], truth: &[usize], classes: usize) -> BatchLoss {
    let mut result = BatchLoss { loss: 0.0, correct: 0, gradient: vec![0.0; outputs.len()] };
    let mut loss = 0.0;
    let rows = outputs.chunks_exact(classes).zip(result.gradient.chunks_exact_mut(classes)).zip(truth);
    for ((row, gradient), &class) in rows {
        for (index, (gradient, &output)) in gradient.iter_mut().zip(row).enumerate() {
            let difference = output - if index == class { 1.0 } else { 0.0 };
            loss += f64::from(difference).powi(2);
            *gradient = 2.0 * difference / outputs.len() as f32;
        }
        result.correct += usize::from(argmax(row) == class);
    }
    result.loss = (loss / outputs.len() as f64) as f32;
    result
}

/// How many rows of `[N, classes]` outputs are largest at their true class.
pub(crate) fn count_correct(outputs: &[f32], truth: &[usize], classes: usize) -> usize {
    outputs.chunks_exact(classes).zip(truth).filter(|(row, class)| argmax(row) == **class).count()
}

/// The index of the largest value; the first of equals.
pub(crate) fn argmax(row: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = index;
        }
    }
    best
}

/// The probabilities of one row of logits.
pub(crate) fn softmax(row: &[f32]) -> Vec<f32> {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = row.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_logits_cost_the_logarithm_of_the_classes() {
        let result = cross_entropy(&[0.0; 8], &[1, 3], &[1.0; 4], 0.0);
        assert!((result.loss - 4.0_f32.ln()).abs() < 1e-6);
        assert_eq!(result.gradient[..4], [0.125, -0.375, 0.125, 0.125]);
        assert_eq!(result.correct, 0);
    }

    #[test]
    fn huge_logits_stay_finite() {
        let result = cross_entropy(&[1e30, -1e30, 0.0], &[0], &[1.0; 3], 0.1);
        assert!(result.loss.is_finite() && result.gradient.iter().all(|value| value.is_finite()));
        assert_eq!(result.correct, 1);
    }

    #[test]
    fn squared_error_averages_over_elements() {
        let result = mean_squared_error(&[1.0, 1.0, 0.0, 0.0], &[0, 1], 2);
        assert_eq!((result.loss, result.correct), (0.5, 1));
        assert_eq!(result.gradient, [0.0, 0.5, 0.0, -0.5]);
    }

    #[test]
    fn probabilities_sum_to_one() {
        let probabilities = softmax(&[1000.0, 1001.0, 999.0]);
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert_eq!(argmax(&probabilities), 1);
    }
}
