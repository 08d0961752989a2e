//! Which columns to keep, by their scores. Results are in ascending order of column.

use crate::error::StatsError;

/// The `count` columns with the highest scores; of equal scores the first columns. All columns where there are
/// fewer. A score that is NaN is lower than any other.
pub fn select_best(scores: &[f64], count: usize) -> Vec<usize> {
    let mut columns = by_score(scores);
    columns.truncate(count);
    columns.sort_unstable();
    columns
}

/// The columns whose score is more than `threshold`.
pub fn select_above(scores: &[f64], threshold: f64) -> Vec<usize> {
    (0..scores.len()).filter(|column| scores[*column] > threshold).collect()
}

/// The columns above the percentile `100 − percent` of the scores, as scikit-learn's `SelectPercentile`: of
/// columns that lie on it, the first are kept up to `percent` of all.
///
/// # Errors
/// `percent` is not between 0 and 100.
pub fn select_percentile(scores: &[f64], percent: f64) -> Result<Vec<usize>, StatsError> {
    if !(0.0..=100.0).contains(&percent) {
        return Err(StatsError::setting(format!("percentile is {percent}, expected 0 to 100")));
    }
    if percent == 0.0 || scores.is_empty() {
        return Ok(Vec::new());
    }
    if percent == 100.0 {
        return Ok((0..scores.len()).collect());
    }
    let cleaned: Vec<f64> =
        scores.iter().map(|score| if score.is_nan() { f64::MIN } else { *score }).collect();
    let threshold = crate::quantile::quantile(&cleaned, (100.0 - percent) / 100.0);
    let mut kept = select_above(&cleaned, threshold);
    let most = (scores.len() as f64 * percent / 100.0) as usize;
    let ties = (0..scores.len()).filter(|column| cleaned[*column] == threshold);
    kept.extend(ties.take(most.saturating_sub(kept.len())));
    kept.sort_unstable();
    Ok(kept)
}

/// Columns, the highest score first, of equals the first column.
fn by_score(scores: &[f64]) -> Vec<usize> {
    let key = |column: usize| if scores[column].is_nan() { f64::NEG_INFINITY } else { scores[column] };
    let mut columns: Vec<usize> = (0..scores.len()).collect();
    columns.sort_by(|a, b| {
        let nan_last = scores[*a].is_nan().cmp(&scores[*b].is_nan());
        // Zero has two signs and one rank.
        nan_last.then((key(*b) + 0.0).total_cmp(&(key(*a) + 0.0)))
    });
    columns
}
