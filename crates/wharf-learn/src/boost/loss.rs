//! Losses that boosting lowers: their start, gradients and second derivatives.

use rayon::prelude::*;

use crate::prediction::{log_one_plus_exp, sigmoid, softmax};
use crate::{FitOptions, Target};

/// Class frequencies are kept that far from 0 and 1 in the scores that boosting starts with.
const SMALLEST_PRIOR: f64 = 1e-9;

/// How many samples a thread takes at once; fixed, so that sums do not depend on the number of threads.
const BLOCK: usize = 4096;

/// The loss of a target. Scores are one per sample, for three or more classes one per sample and class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// Half the squared error; the score is the number.
    Squared,
    /// Cross entropy of two classes; the score is the log odds of class 1.
    Logistic,
    /// Cross entropy of classes; the scores are what softmax takes.
    Softmax(usize),
}

/// First and second derivative of the loss by a score.
pub(crate) type Gradient = [f32; 2];

impl Loss {
    pub(crate) fn of(target: &Target) -> Self {
        match target {
            Target::Numbers(_) => Self::Squared,
            Target::Classes { count: 2, .. } => Self::Logistic,
            Target::Classes { count, .. } => Self::Softmax(*count),
        }
    }

    /// How many scores a sample has.
    pub(crate) fn width(self) -> usize {
        match self {
            Self::Squared | Self::Logistic => 1,
            Self::Softmax(classes) => classes,
        }
    }

    /// The scores that are best for `rows` if all samples get the same.
    pub(crate) fn baseline(self, target: &Target, rows: &[u32], options: &FitOptions<'_>) -> Vec<f64> {
        let weights = || rows.iter().map(|&row| options.weight(row as usize));
        let total: f64 = weights().sum();
        match target {
            Target::Numbers(values) => {
                let sum: f64 = rows.iter().zip(weights()).map(|(&row, w)| w * values[row as usize]).sum();
                vec![sum / total]
            }
            Target::Classes { indices, count } => {
                let mut priors = vec![0.0; *count];
                rows.iter().zip(weights()).for_each(|(&row, w)| priors[indices[row as usize] as usize] += w);
                let clip = |p: f64| (p / total).clamp(SMALLEST_PRIOR, 1.0 - SMALLEST_PRIOR);
                priors.iter_mut().for_each(|prior| *prior = clip(*prior));
                if self == Self::Logistic {
                    return vec![(priors[1] / priors[0]).ln()];
                }
                priors.iter().map(|prior| prior.ln()).collect()
            }
        }
    }

    /// The gradients of all samples for score `class` of each. `scores` is row-major.
    pub(crate) fn gradients(
        self,
        target: &Target,
        scores: &[f64],
        class: usize,
        options: &FitOptions<'_>,
        gradients: &mut [Gradient],
    ) {
        let width = self.width();
        gradients.par_chunks_mut(BLOCK).enumerate().for_each(|(block, gradients)| {
            let mut probabilities = vec![0.0; width];
            for (place, gradient) in gradients.iter_mut().enumerate() {
                let row = block * BLOCK + place;
                let (first, second) = match target {
                    Target::Numbers(values) => (scores[row] - values[row], 1.0),
                    Target::Classes { indices, .. } if self == Self::Logistic => {
                        let p = sigmoid(scores[row]);
                        (p - f64::from(indices[row]), p * (1.0 - p))
                    }
                    Target::Classes { indices, .. } => {
                        probabilities.copy_from_slice(&scores[row * width..][..width]);
                        softmax(&mut probabilities);
                        let p = probabilities[class];
                        (p - f64::from(indices[row] as usize == class), p * (1.0 - p))
                    }
                };
                let weight = options.weight(row);
                *gradient = [(first * weight) as f32, (second * weight) as f32];
            }
        });
    }

    /// The weighted mean of the loss over `rows`.
    pub(crate) fn mean(self, target: &Target, scores: &[f64], rows: &[u32], options: &FitOptions<'_>) -> f64 {
        let (mut sum, mut total) = (0.0, 0.0);
        for &row in rows {
            let weight = options.weight(row as usize);
            sum += weight * self.of_row(target, scores, row as usize);
            total += weight;
        }
        if total > 0.0 { sum / total } else { 0.0 }
    }

    fn of_row(self, target: &Target, scores: &[f64], row: usize) -> f64 {
        let width = self.width();
        let scores = &scores[row * width..][..width];
        match target {
            Target::Numbers(values) => (scores[0] - values[row]).powi(2) / 2.0,
            Target::Classes { indices, .. } if self == Self::Logistic => {
                let margin = if indices[row] == 1 { -scores[0] } else { scores[0] };
                log_one_plus_exp(margin)
            }
            Target::Classes { indices, .. } => {
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
                largest + sum.ln() - scores[indices[row] as usize]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets() -> [Target; 3] {
        [
            Target::Numbers(vec![0.3, -1.0, 2.0]),
            Target::Classes { indices: vec![0, 1, 1], count: 2 },
            Target::Classes { indices: vec![0, 2, 1], count: 3 },
        ]
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let weights = [1.0, 0.5, 2.0];
        let options = FitOptions::new(0).with_weights(Some(&weights));
        for target in targets() {
            let loss = Loss::of(&target);
            let width = loss.width();
            let scores: Vec<f64> = (0..3 * width).map(|i| (i as f64 * 0.7).sin()).collect();
            for class in 0..width {
                let mut gradients = vec![[0.0; 2]; 3];
                loss.gradients(&target, &scores, class, &options, &mut gradients);
                for row in 0..3 {
                    let at = |step: f64| {
                        let mut moved = scores.clone();
                        moved[row * width + class] += step;
                        weights[row] * loss.of_row(&target, &moved, row)
                    };
                    let step = 1e-4;
                    let first = (at(step) - at(-step)) / (2.0 * step);
                    let second = (at(step) - 2.0 * at(0.0) + at(-step)) / (step * step);
                    assert!((f64::from(gradients[row][0]) - first).abs() < 1e-6, "{loss:?}");
                    assert!((f64::from(gradients[row][1]) - second).abs() < 1e-5, "{loss:?}");
                }
            }
        }
    }

    #[test]
    fn the_baseline_has_no_gradient() {
        let options = FitOptions::new(0);
        for target in targets() {
            let loss = Loss::of(&target);
            let scores = loss.baseline(&target, &[0, 1, 2], &options).repeat(3);
            for class in 0..loss.width() {
                let mut gradients = vec![[0.0; 2]; 3];
                loss.gradients(&target, &scores, class, &options, &mut gradients);
                let sum: f32 = gradients.iter().map(|gradient| gradient[0]).sum();
                assert!(sum.abs() < 1e-6, "{loss:?} {sum}");
            }
        }
    }
}
