//! Wilson's interval of a share (1927).

use super::Interval;
use crate::error::{StatsError, check_count, check_share};
use crate::special::normal_quantile;

/// The interval of a probability of which `hits` of `trials` were seen, such as accuracy; it stays within 0
/// and 1, and has a width even where all or none hit.
///
/// # Errors
/// No trials, more hits than trials, or a confidence that is not between 0 and 1.
pub fn wilson(hits: u64, trials: u64, confidence: f64) -> Result<Interval, StatsError> {
    check_count("trials", trials as usize, 1)?;
    check_share("confidence", confidence)?;
    if hits > trials {
        return Err(StatsError::setting(format!("{hits} hits of {trials} trials")));
    }
    let (n, share) = (trials as f64, hits as f64 / trials as f64);
    let z = normal_quantile(0.5 + confidence / 2.0);
    let scale = 1.0 / (1.0 + z * z / n);
    let centre = scale * (share + z * z / (2.0 * n));
    let half = scale * z * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    // Exact at the ends, where the two halves cancel.
    let low = if hits == 0 { 0.0 } else { centre - half };
    let high = if hits == trials { 1.0 } else { centre + half };
    Ok(Interval { estimate: share, low, high, confidence })
}
