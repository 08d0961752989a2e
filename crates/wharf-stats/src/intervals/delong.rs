//! DeLong's test: the areas under two ROC curves on the same rows (DeLong, DeLong and Clarke-Pearson, 1988).

use super::Interval;
use crate::error::{StatsError, check_count, check_each, check_length, check_share};
use crate::special::{normal_cdf, normal_quantile};

/// Whether two scores rank equally well.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DeLongTest {
    /// Area of the first, with its normal interval, cut at 0 and 1.
    pub first: Interval,
    /// Area of the second, likewise.
    pub second: Interval,
    /// First less second.
    pub difference: Interval,
    /// Two-sided.
    pub p_value: f64,
}

/// Compares the areas under the ROC curves of two models' scores.
///
/// # Errors
/// The columns differ in length, a score is NaN, there are fewer than two positives or two negatives, or the
/// confidence is not between 0 and 1.
pub fn delong(
    truth: &[bool],
    first: &[f64],
    second: &[f64],
    confidence: f64,
) -> Result<DeLongTest, StatsError> {
    check_share("confidence", confidence)?;
    let positives = truth.iter().filter(|is_positive| **is_positive).count();
    check_count("positive samples", positives, 2)?;
    check_count("negative samples", truth.len() - positives, 2)?;
    let (first, second) = (Placements::new(truth, first)?, Placements::new(truth, second)?);
    let z = normal_quantile(0.5 + confidence / 2.0);
    let around = |estimate: f64, variance: f64| {
        let half = z * variance.max(0.0).sqrt();
        Interval { estimate, low: estimate - half, high: estimate + half, confidence }
    };
    let within = |interval: Interval| Interval {
        low: interval.low.max(0.0),
        high: interval.high.min(1.0),
        ..interval
    };
    let of_difference =
        covariance(&first, &first) + covariance(&second, &second) - 2.0 * covariance(&first, &second);
    let difference = around(first.area - second.area, of_difference);
    Ok(DeLongTest {
        first: within(around(first.area, covariance(&first, &first))),
        second: within(around(second.area, covariance(&second, &second))),
        p_value: p_value(difference.estimate, of_difference),
        difference,
    })
}

fn p_value(difference: f64, variance: f64) -> f64 {
    // Two scores with one ranking have no difference and no variance of it but rounding.
    if difference.abs() < 1e-15 {
        return 1.0;
    }
    2.0 * normal_cdf(-difference.abs() / variance.max(0.0).sqrt())
}

/// For each positive the share of negatives below it, for each negative the share of positives above it.
struct Placements {
    area: f64,
    positive: Vec<f64>,
    negative: Vec<f64>,
}

impl Placements {
    fn new(truth: &[bool], scores: &[f64]) -> Result<Self, StatsError> {
        check_length("score", scores.len(), truth.len())?;
        check_each("score", scores, "a number", |score| !score.is_nan())?;
        let of = |wanted: bool| -> Vec<f64> {
            scores
                .iter()
                .zip(truth)
                .filter(|(_, truth)| **truth == wanted)
                .map(|(score, _)| score + 0.0)
                .collect()
        };
        let (positives, negatives) = (of(true), of(false));
        let positive = shares_below(&positives, &negatives);
        let negative = shares_below(&negatives, &positives).into_iter().map(|share| 1.0 - share).collect();
        let area = positive.iter().sum::<f64>() / positives.len() as f64;
        Ok(Self { area, positive, negative })
    }
}

/// For each value the share of `others` below it, equal ones counting half.
fn shares_below(values: &[f64], others: &[f64]) -> Vec<f64> {
    let mut sorted = others.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let share = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let up_to = sorted.partition_point(|other| other <= value);
        (below + up_to) as f64 / (2 * sorted.len()) as f64
    };
    values.iter().map(share).collect()
}

fn covariance(a: &Placements, b: &Placements) -> f64 {
    let of = |a_values: &[f64], b_values: &[f64], mean_a: f64, mean_b: f64| {
        let count = a_values.len() as f64;
        let products = a_values.iter().zip(b_values).map(|(a, b)| (a - mean_a) * (b - mean_b));
        products.sum::<f64>() / (count - 1.0) / count
    };
    of(&a.positive, &b.positive, a.area, b.area) + of(&a.negative, &b.negative, a.area, b.area)
}
