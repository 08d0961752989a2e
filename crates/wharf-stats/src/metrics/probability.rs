//! Predicted probabilities against true classes.

use crate::error::{StatsError, check_count, check_each, check_length};

/// The mean of `−ln p` of the true class, over `[rows, classes]` probabilities, row after row. Probabilities
/// are kept 2^-52 away from 0 and 1, so that one sure mistake does not cost everything.
///
/// # Errors
/// The columns differ in length or are empty, a class is not below `classes`, or a probability is not between
/// 0 and 1.
pub fn log_loss(truth: &[u32], probabilities: &[f64], classes: usize) -> Result<f64, StatsError> {
    check_probabilities(truth, probabilities, classes)?;
    let loss = |(class, row): (&u32, &[f64])| {
        -libm::log(row[*class as usize].clamp(f64::EPSILON, 1.0 - f64::EPSILON))
    };
    Ok(truth.iter().zip(probabilities.chunks_exact(classes)).map(loss).sum::<f64>() / truth.len() as f64)
}

/// The mean squared distance of the probability of the positive class from 1 or 0.
///
/// # Errors
/// The columns differ in length or are empty, or a probability is not between 0 and 1.
pub fn brier(truth: &[bool], probabilities: &[f64]) -> Result<f64, StatsError> {
    check_length("probability", probabilities.len(), truth.len())?;
    check_count("samples", truth.len(), 1)?;
    check_is_probability(probabilities)?;
    let squares = truth.iter().zip(probabilities).map(|(truth, p)| (p - f64::from(u8::from(*truth))).powi(2));
    Ok(squares.sum::<f64>() / truth.len() as f64)
}

/// The mean over rows of the squared distance of the probabilities from the true class, summed over classes:
/// 0 to 2. For two classes it is twice [`brier`].
///
/// # Errors
/// As [`log_loss`].
pub fn brier_multi_class(truth: &[u32], probabilities: &[f64], classes: usize) -> Result<f64, StatsError> {
    check_probabilities(truth, probabilities, classes)?;
    let square = |(index, p): (usize, &f64)| {
        let is_true = truth[index / classes] as usize == index % classes;
        (p - f64::from(u8::from(is_true))).powi(2)
    };
    Ok(probabilities.iter().enumerate().map(square).sum::<f64>() / truth.len() as f64)
}

pub(super) fn check_probabilities(
    truth: &[u32],
    probabilities: &[f64],
    classes: usize,
) -> Result<(), StatsError> {
    check_count("samples", truth.len(), 1)?;
    check_length("probability matrix", probabilities.len(), truth.len() * classes)?;
    if let Some(row) = truth.iter().position(|class| *class as usize >= classes) {
        return Err(StatsError::value(
            "class",
            row,
            f64::from(truth[row]),
            "less than the number of classes",
        ));
    }
    // The row at fault, not the place in the matrix.
    probabilities.chunks_exact(classes).enumerate().try_for_each(|(row, values)| {
        check_is_probability(values)
            .map_err(|_| StatsError::value("probability", row, outlier(values), "0 to 1"))
    })
}

fn check_is_probability(values: &[f64]) -> Result<(), StatsError> {
    check_each("probability", values, "0 to 1", |value| (0.0..=1.0).contains(&value))
}

fn outlier(values: &[f64]) -> f64 {
    values.iter().copied().find(|value| !(0.0..=1.0).contains(value)).unwrap_or(f64::NAN)
}
