//! Linear models: ridge regression and logistic regression, both in float64.

mod cholesky;
mod lbfgs;
mod logistic;
mod ridge;
#[cfg(test)]
mod tests;

use wharf_onnx::{GraphBuilder, Value};
use wharf_tensor::{Shape, Tensor};

pub use logistic::LogisticRegression;
pub use ridge::RidgeRegression;

use crate::export::{Head, two_classes};
use crate::prediction::{sigmoid, softmax};
use crate::{LearnError, Matrix, Prediction};

/// What a linear model's scores mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// The score is the number.
    Identity,
    /// The score is the log odds of class 1.
    Logistic,
    /// The scores are what softmax takes.
    Softmax,
}

/// A weight per feature and score, and an intercept per score.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearModel {
    link: Link,
    /// Score after score, one number per feature.
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
    features: usize,
}

impl LinearModel {
    /// The weight of each feature, score after score: one score for numbers and for two classes (the log odds of
    /// class 1), otherwise one per class.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// One per score.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// How many features go in.
    pub fn features(&self) -> usize {
        self.features
    }

    /// The absolute coefficients, summed over the scores, as parts of one. They compare only where the features
    /// have the same scale.
    pub fn importances(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.features];
        for row in self.coefficients.chunks_exact(self.features) {
            sums.iter_mut().zip(row).for_each(|(sum, coefficient)| *sum += coefficient.abs());
        }
        let total: f64 = sums.iter().sum();
        if total > 0.0 {
            sums.iter_mut().for_each(|sum| *sum /= total);
        }
        sums
    }

    /// A prediction per row.
    ///
    /// # Errors
    /// The number of columns is another than in the fit, or a value is missing.
    pub fn predict(&self, features: &Matrix) -> Result<Prediction, LearnError> {
        features.require_columns(self.features)?;
        features.require_complete("a linear model")?;
        let mut scores = Vec::with_capacity(features.rows() * self.intercepts.len());
        for row in 0..features.rows() {
            let row = features.row(row);
            let of = |(weights, intercept): (&[f64], &f64)| intercept + dot(weights, row);
            scores.extend(self.coefficients.chunks_exact(self.features).zip(&self.intercepts).map(of));
        }
        Ok(match self.link {
            Link::Identity => Prediction::Numbers(scores),
            Link::Logistic => {
                let pair = |score: f64| [sigmoid(-score), sigmoid(score)];
                Prediction::Probabilities { values: scores.into_iter().flat_map(pair).collect(), classes: 2 }
            }
            Link::Softmax => {
                let classes = self.intercepts.len();
                scores.chunks_exact_mut(classes).for_each(softmax);
                Prediction::Probabilities { values: scores, classes }
            }
        })
    }

    pub(crate) fn add_to(&self, graph: &mut GraphBuilder, features: &Value) -> Result<Head, LearnError> {
        let scores = self.intercepts.len();
        let narrow = |values: &[f64]| values.iter().map(|&value| value as f32).collect::<Vec<f32>>();
        let weight = Tensor::from_vec(Shape::new(&[scores, self.features])?, narrow(&self.coefficients))?;
        let bias = Tensor::from_vec(Shape::new(&[scores])?, narrow(&self.intercepts))?;
        let (weight, bias) = (graph.initializer("weight", &weight)?, graph.initializer("bias", &bias)?);
        let sums = graph.linear(features, &weight, Some(&bias));
        Ok(match self.link {
            Link::Identity => Head::Number(sums),
            Link::Logistic => Head::Probabilities(two_classes(graph, &sums), 2),
            Link::Softmax => Head::Probabilities(graph.softmax(&sums, 1), scores),
        })
    }
}

fn dot(weights: &[f64], row: &[f32]) -> f64 {
    weights.iter().zip(row).map(|(weight, value)| weight * f64::from(*value)).sum()
}
