//! Ridge regression: least squares with a penalty on the squared coefficients (Hoerl and Kennard 1970).

use serde::{Deserialize, Serialize};

use super::cholesky::solve;
use super::{LinearModel, Link};
use crate::check::in_range;
use crate::{FitOptions, LearnError, LearnErrorKind, Matrix, Target};

/// Ridge regression: the coefficients lower `sum w (y - x b)^2 + alpha |b|^2`; the intercept costs nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RidgeRegression {
    /// The penalty, 0 or more.
    pub alpha: f64,
}

impl Default for RidgeRegression {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl RidgeRegression {
    /// Solves the normal equations of the centred data by Cholesky.
    ///
    /// # Errors
    /// The target is of classes, a value is missing, the equations are singular (only without a penalty), or the
    /// caller asked to stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<LinearModel, LearnError> {
        in_range("alpha", self.alpha, 0.0..=f64::MAX)?;
        options.check(features, target)?;
        features.require_complete("ridge regression")?;
        let Target::Numbers(values) = target else {
            return Err(LearnError::data("target is of classes, expected numbers for ridge regression"));
        };
        options.check_stop()?;
        let means = Means::new(features, values, options);
        let columns = features.columns();
        let (mut products, mut right) = means.normal_equations(features, values, options);
        (0..columns).for_each(|i| products[i * columns + i] += self.alpha);
        if !solve(&mut products, &mut right) {
            let message = "features depend on each other, so that there is no one solution; raise `alpha`";
            return Err(LearnError::new(LearnErrorKind::Numerical, message));
        }
        let inner: f64 = right.iter().zip(&means.features).map(|(weight, mean)| weight * mean).sum();
        Ok(LinearModel {
            link: Link::Identity,
            coefficients: right,
            intercepts: vec![means.target - inner],
            features: columns,
        })
    }
}

/// The weighted means of all columns and of the target.
struct Means {
    features: Vec<f64>,
    target: f64,
}

impl Means {
    fn new(features: &Matrix, values: &[f64], options: &FitOptions<'_>) -> Self {
        let mut means = Self { features: vec![0.0; features.columns()], target: 0.0 };
        let mut total = 0.0;
        for (row, value) in values.iter().enumerate() {
            let weight = options.weight(row);
            total += weight;
            means.target += weight * value;
            let pairs = means.features.iter_mut().zip(features.row(row));
            pairs.for_each(|(sum, value)| *sum += weight * f64::from(*value));
        }
        means.target /= total;
        means.features.iter_mut().for_each(|sum| *sum /= total);
        means
    }

    /// `x^T w x` (lower half) and `x^T w y` of the centred data.
    fn normal_equations(
        &self,
        features: &Matrix,
        values: &[f64],
        options: &FitOptions<'_>,
    ) -> (Vec<f64>, Vec<f64>) {
        let n = features.columns();
        let (mut products, mut right) = (vec![0.0; n * n], vec![0.0; n]);
        let mut centred = vec![0.0; n];
        for (row, value) in values.iter().enumerate() {
            let weight = options.weight(row);
            let pairs = features.row(row).iter().zip(&self.features);
            centred.iter_mut().zip(pairs).for_each(|(c, (value, mean))| *c = f64::from(*value) - mean);
            for (i, factor) in centred.iter().map(|value| value * weight).enumerate() {
                right[i] += factor * (value - self.target);
                let products = &mut products[i * n..=i * n + i];
                products.iter_mut().zip(&centred).for_each(|(sum, other)| *sum += factor * other);
            }
        }
        (products, right)
    }
}
