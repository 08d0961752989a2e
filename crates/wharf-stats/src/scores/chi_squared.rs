//! The chi-squared test of a column of counts or frequencies against classes.

use super::TestScore;
use crate::error::{StatsError, check_each, check_length};
use crate::mutual::counts;
use crate::special::chi_squared_survival;

/// Compares the sum of a feature in each class with what the class's share of the samples leads to expect, as
/// scikit-learn's `chi2`. A feature that is zero everywhere, or a single class, scores 0 with p-value 1.
///
/// # Errors
/// The columns differ in length, or a value is negative or not finite.
pub fn chi_squared(feature: &[f64], target: &[u32]) -> Result<TestScore, StatsError> {
    check_length("target", target.len(), feature.len())?;
    check_each("feature", feature, "a finite number that is not negative", |value| {
        value.is_finite() && value >= 0.0
    })?;
    let members = counts(target.iter().copied());
    let mut observed: std::collections::BTreeMap<u32, f64> =
        members.keys().map(|class| (*class, 0.0)).collect();
    for (value, class) in feature.iter().zip(target) {
        *observed.entry(*class).or_insert(0.0) += value;
    }
    let total: f64 = observed.values().sum();
    if total == 0.0 || members.len() < 2 {
        return Ok(TestScore::NOTHING);
    }
    let term = |(observed, members): (&f64, &usize)| {
        let expected = total * *members as f64 / target.len() as f64;
        (observed - expected).powi(2) / expected
    };
    let statistic: f64 = observed.values().zip(members.values()).map(term).sum();
    Ok(TestScore { statistic, p_value: chi_squared_survival(statistic, (members.len() - 1) as f64) })
}
