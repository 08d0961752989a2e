//! Logistic regression: the cross entropy of linear scores, with a penalty on the squared coefficients.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lbfgs::{Limits, minimise};
use super::{LinearModel, Link, dot};
use crate::check::{at_least, in_range};
use crate::{FitOptions, LearnError, Matrix, Target};

/// How many samples are summed up by one thread at once; fixed, so that sums do not depend on the threads.
const BLOCK: usize = 1024;

/// Logistic regression: the coefficients lower `c * sum w * cross entropy + |b|^2 / 2`; intercepts cost nothing. Two
/// classes share one score, more have one each (multinomial).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogisticRegression {
    /// What the loss is multiplied by, above 0: the smaller, the stronger the penalty.
    pub c: f64,
    /// How many steps are taken at most.
    pub max_iterations: usize,
    /// The fit ends when no entry of the gradient, divided by the sum of weights, is larger.
    pub tolerance: f64,
}

impl Default for LogisticRegression {
    fn default() -> Self {
        Self { c: 1.0, max_iterations: 200, tolerance: 1e-5 }
    }
}

impl LogisticRegression {
    /// Minimises by L-BFGS from zero.
    ///
    /// # Errors
    /// The target is of numbers, a value is missing, or the caller asked to stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<LinearModel, LearnError> {
        in_range("c", self.c, f64::MIN_POSITIVE..=f64::MAX)?;
        in_range("tolerance", self.tolerance, 0.0..=f64::MAX)?;
        at_least("max_iterations", self.max_iterations, 1)?;
        options.check(features, target)?;
        features.require_complete("logistic regression")?;
        let Target::Classes { indices, count } = target else {
            return Err(LearnError::data("target is of numbers, expected classes for logistic regression"));
        };
        let scores = if *count == 2 { 1 } else { *count };
        let total: f64 = (0..features.rows()).map(|row| options.weight(row)).sum();
        let problem = Problem { features, indices, scores, options, total, penalty: 1.0 / (self.c * total) };
        let limits = Limits { max_iterations: self.max_iterations, tolerance: self.tolerance };
        let start = vec![0.0; scores * (features.columns() + 1)];
        let mut coefficients = minimise(start, limits, |place, gradient| {
            options.check_stop()?;
            Ok(problem.value(place, gradient))
        })?;
        let intercepts = coefficients.split_off(scores * features.columns());
        let link = if scores == 1 { Link::Logistic } else { Link::Softmax };
        Ok(LinearModel { link, coefficients, intercepts, features: features.columns() })
    }
}

/// The mean of the loss, and half the penalty times the squared coefficients.
struct Problem<'a> {
    features: &'a Matrix,
    indices: &'a [u32],
    scores: usize,
    options: &'a FitOptions<'a>,
    total: f64,
    penalty: f64,
}

impl Problem<'_> {
    /// The value at `place` (coefficients, then intercepts) and its gradient.
    fn value(&self, place: &[f64], gradient: &mut [f64]) -> f64 {
        let blocks = self.features.rows().div_ceil(BLOCK);
        let parts: Vec<(f64, Vec<f64>)> =
            (0..blocks).into_par_iter().map(|block| self.of_block(block, place)).collect();
        let mut value = 0.0;
        gradient.fill(0.0);
        for (loss, part) in parts {
            value += loss / self.total;
            gradient.iter_mut().zip(part).for_each(|(sum, part)| *sum += part / self.total);
        }
        let penalised = self.scores * self.features.columns();
        for (entry, coefficient) in gradient.iter_mut().zip(place).take(penalised) {
            *entry += self.penalty * coefficient;
            value += self.penalty * coefficient * coefficient / 2.0;
        }
        value
    }

    fn of_block(&self, block: usize, place: &[f64]) -> (f64, Vec<f64>) {
        let columns = self.features.columns();
        let (coefficients, intercepts) = place.split_at(self.scores * columns);
        let (mut loss, mut gradient) = (0.0, vec![0.0; place.len()]);
        let mut scores = vec![0.0; self.scores];
        let rows = block * BLOCK..((block + 1) * BLOCK).min(self.features.rows());
        for index in rows {
            let (row, weight) = (self.features.row(index), self.options.weight(index));
            let weights = coefficients.chunks_exact(columns).zip(intercepts);
            scores.iter_mut().zip(weights).for_each(|(s, (w, intercept))| *s = intercept + dot(w, row));
            loss += weight * loss_and_slopes(&mut scores, self.indices[index] as usize);
            let (of_coefficients, of_intercepts) = gradient.split_at_mut(self.scores * columns);
            for (k, slope) in scores.iter().map(|slope| slope * weight).enumerate() {
                of_intercepts[k] += slope;
                let entries = of_coefficients[k * columns..][..columns].iter_mut();
                entries.zip(row).for_each(|(entry, value)| *entry += slope * f64::from(*value));
            }
        }
        (loss, gradient)
    }
}

/// The cross entropy of scores whose true class is `class`; they become its derivatives.
fn loss_and_slopes(scores: &mut [f64], class: usize) -> f64 {
    if let [score] = scores {
        let (s, y) = (*score, class as f64);
        *score = crate::prediction::sigmoid(s) - y;
        return crate::prediction::log_one_plus_exp(s) - y * s;
    }
    let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let of_class = scores[class];
    let sum: f64 = scores.iter().map(|score| (score - largest).exp()).sum();
    scores.iter_mut().for_each(|score| *score = (*score - largest).exp() / sum);
    scores[class] -= 1.0;
    largest + sum.ln() - of_class
}
