//! McNemar's exact test: two classifiers on the same rows.

use crate::error::{StatsError, check_length};
use crate::special::beta_regularised;

/// Whether two classifiers err equally often.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct McNemarTest {
    /// Rows that only the first gets right.
    pub only_first: u64,
    /// Rows that only the second gets right.
    pub only_second: u64,
    /// Two-sided; 1 where both are right on the same rows.
    pub p_value: f64,
}

/// Tests whether rows that only one classifier gets right fall to both alike (binomial, exact).
///
/// # Errors
/// The columns differ in length.
pub fn mc_nemar(first_right: &[bool], second_right: &[bool]) -> Result<McNemarTest, StatsError> {
    check_length("second column", second_right.len(), first_right.len())?;
    let count = |wanted: (bool, bool)| {
        first_right.iter().zip(second_right).filter(|(first, second)| (**first, **second) == wanted).count()
            as u64
    };
    let (only_first, only_second) = (count((true, false)), count((false, true)));
    let (fewer, more) = (only_first.min(only_second) as f64, only_first.max(only_second) as f64);
    // The probability of at most `fewer` heads of a fair coin.
    let p_value = if more == 0.0 { 1.0 } else { (2.0 * beta_regularised(more, fewer + 1.0, 0.5)).min(1.0) };
    Ok(McNemarTest { only_first, only_second, p_value })
}
