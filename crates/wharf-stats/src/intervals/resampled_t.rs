//! The corrected resampled t test: two models over the folds of a cross-validation (Nadeau and Bengio, 2003).

use super::Interval;
use crate::error::{StatsError, check_count, check_finite, check_share};
use crate::special::{student_quantile, student_two_sided};

/// Whether two models differ over folds that share training samples.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ResampledTest {
    /// Mean difference, with its interval.
    pub difference: Interval,
    /// The statistic; 0 where there is no difference at all, infinite where all folds differ by the same.
    pub t: f64,
    /// Degrees of freedom: folds less one.
    pub degrees: f64,
    /// Two-sided.
    pub p_value: f64,
}

/// Tests the differences of a score, one for each fold (of all repetitions). The variance of their mean is
/// `s² (1/J + n_test/n_train)`: folds are not independent, for they train on the same samples. With scores in
/// place of differences the result is the interval of a cross-validated score.
///
/// # Errors
/// Fewer than two folds, a difference that is not finite, no samples in a part, or a confidence that is not
/// between 0 and 1.
pub fn corrected_resampled_t(
    differences: &[f64],
    (train, test): (usize, usize),
    confidence: f64,
) -> Result<ResampledTest, StatsError> {
    check_count("folds", differences.len(), 2)?;
    check_finite("difference", differences)?;
    check_count("samples to train on", train, 1)?;
    check_count("samples to test on", test, 1)?;
    check_share("confidence", confidence)?;
    let folds = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / folds;
    let spread = differences.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (folds - 1.0);
    let error = (spread * (1.0 / folds + test as f64 / train as f64)).sqrt();
    let degrees = folds - 1.0;
    let half = student_quantile(0.5 + confidence / 2.0, degrees) * error;
    let t = if mean == 0.0 { 0.0 } else { mean / error };
    Ok(ResampledTest {
        difference: Interval { estimate: mean, low: mean - half, high: mean + half, confidence },
        t,
        degrees,
        p_value: student_two_sided(t, degrees),
    })
}
