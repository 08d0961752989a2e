//! Rankings with graded relevance.

use crate::error::{StatsError, check_count, check_each, check_finite, check_length};

/// Normalised discounted cumulative gain of one query's first `first` items: gains are the relevances, the
/// item at place i from 0 counts `1 / log2(i + 2)`, items with equal scores share the mean of their places.
/// 0 where nothing is relevant.
///
/// # Errors
/// The columns differ in length or are empty, a relevance is negative or not finite, a score is not finite,
/// or `first` is 0.
pub fn ndcg(relevance: &[f64], scores: &[f64], first: usize) -> Result<f64, StatsError> {
    check_length("score", scores.len(), relevance.len())?;
    check_count("items", relevance.len(), 1)?;
    check_each("relevance", relevance, "a finite number that is not negative", |value| {
        value.is_finite() && value >= 0.0
    })?;
    check_finite("score", scores)?;
    if first == 0 {
        return Err(StatsError::setting("the first 0 items, expected at least 1"));
    }
    let best = gain(relevance, relevance, first);
    Ok(if best > 0.0 { gain(relevance, scores, first) / best } else { 0.0 })
}

/// The mean of [`ndcg`] over queries; rows with the same number in `queries` are one query.
///
/// # Errors
/// As [`ndcg`]; `queries` has another length.
pub fn mean_ndcg(
    queries: &[u32],
    relevance: &[f64],
    scores: &[f64],
    first: usize,
) -> Result<f64, StatsError> {
    check_length("query", queries.len(), relevance.len())?;
    check_length("score", scores.len(), relevance.len())?;
    check_count("items", relevance.len(), 1)?;
    let mut members = std::collections::BTreeMap::<u32, (Vec<f64>, Vec<f64>)>::new();
    for ((query, relevance), score) in queries.iter().zip(relevance).zip(scores) {
        let (relevances, scores) = members.entry(*query).or_default();
        relevances.push(*relevance);
        scores.push(*score);
    }
    let gains = members.values().map(|(relevance, scores)| ndcg(relevance, scores, first));
    Ok(gains.sum::<Result<f64, _>>()? / members.len() as f64)
}

fn gain(relevance: &[f64], scores: &[f64], first: usize) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| (scores[*b] + 0.0).total_cmp(&(scores[*a] + 0.0)));
    let (mut place, mut sum) = (0, 0.0);
    for tie in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let places = place..(place + tie.len()).min(first);
        let discounts: f64 = places.map(|place| 1.0 / libm::log2(place as f64 + 2.0)).sum();
        sum += discounts * tie.iter().map(|item| relevance[*item]).sum::<f64>() / tie.len() as f64;
        place += tie.len();
    }
    sum
}
