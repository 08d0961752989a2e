//! Predicted numbers against true ones.

use crate::error::{StatsError, check_count, check_finite, check_length};

/// Coefficient of determination: `1 − Σ(y − p)² / Σ(y − mean y)²`. A constant truth gives 1 if it is met
/// exactly and else 0.
///
/// # Errors
/// The columns differ in length, there are fewer than two samples, or a value is not finite.
pub fn r_squared(truth: &[f64], predicted: &[f64]) -> Result<f64, StatsError> {
    check(truth, predicted, 2)?;
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let spread: f64 = truth.iter().map(|value| (value - mean).powi(2)).sum();
    let missed: f64 = errors(truth, predicted).map(|error| error * error).sum();
    Ok(determination(missed, spread))
}

pub(crate) fn determination(missed: f64, spread: f64) -> f64 {
    match (missed == 0.0, spread == 0.0) {
        (true, _) => 1.0,
        (false, true) => 0.0,
        (false, false) => 1.0 - missed / spread,
    }
}

/// Mean of `|y − p|`.
///
/// # Errors
/// The columns differ in length or are empty, or a value is not finite.
pub fn mean_absolute_error(truth: &[f64], predicted: &[f64]) -> Result<f64, StatsError> {
    check(truth, predicted, 1)?;
    Ok(errors(truth, predicted).map(f64::abs).sum::<f64>() / truth.len() as f64)
}

/// Mean of `(y − p)²`.
///
/// # Errors
/// As [`mean_absolute_error`].
pub fn mean_squared_error(truth: &[f64], predicted: &[f64]) -> Result<f64, StatsError> {
    check(truth, predicted, 1)?;
    Ok(errors(truth, predicted).map(|error| error * error).sum::<f64>() / truth.len() as f64)
}

/// The root of [`mean_squared_error`].
///
/// # Errors
/// As [`mean_absolute_error`].
pub fn root_mean_squared_error(truth: &[f64], predicted: &[f64]) -> Result<f64, StatsError> {
    mean_squared_error(truth, predicted).map(f64::sqrt)
}

/// Mean of `|y − p| / |y|`, as a share. A truth of 0 counts as 2^-52: such a row outweighs all others.
///
/// # Errors
/// As [`mean_absolute_error`].
pub fn mean_absolute_percentage_error(truth: &[f64], predicted: &[f64]) -> Result<f64, StatsError> {
    check(truth, predicted, 1)?;
    let shares =
        errors(truth, predicted).zip(truth).map(|(error, y)| error.abs() / y.abs().max(f64::EPSILON));
    Ok(shares.sum::<f64>() / truth.len() as f64)
}

fn errors<'a>(truth: &'a [f64], predicted: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    truth.iter().zip(predicted).map(|(truth, predicted)| truth - predicted)
}

pub(crate) fn check(truth: &[f64], predicted: &[f64], least: usize) -> Result<(), StatsError> {
    check_length("prediction", predicted.len(), truth.len())?;
    check_count("samples", truth.len(), least)?;
    check_finite("truth", truth)?;
    check_finite("prediction", predicted)
}
