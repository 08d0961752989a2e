//! F tests of a continuous column: one-way analysis of variance, and linear regression on one feature.

use std::collections::BTreeMap;

use super::TestScore;
use crate::error::{StatsError, check_count, check_finite, check_length};
use crate::special::f_survival;

/// Below this share of a sum of squares, what is left of it is rounding.
const ROUNDING: f64 = 1e-24;

/// Variance of a feature between classes over that within them, as scikit-learn's `f_classif`. A constant
/// feature, or a single class, scores 0 with p-value 1; classes that do not overlap in any value of their own
/// score infinity with p-value 0.
///
/// # Errors
/// The columns differ in length, a value is not finite, or there are no more samples than classes.
pub fn f_classification(feature: &[f64], target: &[u32]) -> Result<TestScore, StatsError> {
    check_length("target", target.len(), feature.len())?;
    check_finite("feature", feature)?;
    let mut members = BTreeMap::<u32, Vec<f64>>::new();
    feature.iter().zip(target).for_each(|(value, class)| members.entry(*class).or_default().push(*value));
    check_count("samples for these classes", feature.len(), members.len() + 1)?;
    let centre = mean(feature);
    let (mut between, mut within) = (0.0, 0.0);
    for values in members.values() {
        let mean = mean(values);
        between += values.len() as f64 * (mean - centre).powi(2);
        within += values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    }
    let size = feature.iter().map(|value| value * value).sum::<f64>();
    Ok(score(between, within, size, members.len() as f64 - 1.0, (feature.len() - members.len()) as f64))
}

/// The F test of a linear regression of the target on one feature, as scikit-learn's `f_regression`. A constant
/// feature or target scores 0 with p-value 1, an exact line infinity with p-value 0.
///
/// # Errors
/// The columns differ in length, a value is not finite, or there are fewer than three samples.
pub fn f_regression(feature: &[f64], target: &[f64]) -> Result<TestScore, StatsError> {
    check_length("target", target.len(), feature.len())?;
    check_finite("feature", feature)?;
    check_finite("target", target)?;
    check_count("samples", feature.len(), 3)?;
    let (centre_x, centre_y) = (mean(feature), mean(target));
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in feature.iter().zip(target).map(|(x, y)| (x - centre_x, y - centre_y)) {
        (xx, xy, yy) = (xx + x * x, xy + x * y, yy + y * y);
    }
    if xx <= ROUNDING * (xx + centre_x * centre_x * feature.len() as f64) || yy == 0.0 {
        return Ok(TestScore::NOTHING);
    }
    let explained = xy / xx * xy;
    // What is left of an exact line is rounding of 1e-16 of the target's squares, far above that of constants.
    Ok(score(explained, (yy - explained).max(0.0), yy * 1e8, 1.0, feature.len() as f64 - 2.0))
}

/// The F score of two sums of squares; `size` is that of all that went into them.
fn score(between: f64, within: f64, size: f64, numerator: f64, denominator: f64) -> TestScore {
    let is_nothing = |squares: f64| squares <= ROUNDING * size;
    if numerator == 0.0 || (is_nothing(between) && is_nothing(within)) {
        return TestScore::NOTHING;
    }
    if is_nothing(within) {
        return TestScore { statistic: f64::INFINITY, p_value: 0.0 };
    }
    let statistic = between / numerator / (within / denominator);
    TestScore { statistic, p_value: f_survival(statistic, numerator, denominator) }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
