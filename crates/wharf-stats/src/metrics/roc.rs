//! Scores that rank positives above negatives.

use super::probability::check_probabilities;
use crate::error::{StatsError, check_count, check_each, check_length};

/// The area under the ROC curve: the probability that a positive scores above a negative, a tie counting half.
///
/// # Errors
/// The columns differ in length, a score is NaN, or there are no positives or no negatives.
pub fn roc_auc(truth: &[bool], scores: &[f64]) -> Result<f64, StatsError> {
    let ranking = Ranking::new(truth, scores)?;
    ranking.check_both()?;
    Ok(ranking.auc(|_| 1).unwrap_or(f64::NAN))
}

/// The mean over classes of the area under the ROC curve of the class against all others; probabilities
/// `[rows, classes]`, row after row.
///
/// # Errors
/// The columns differ in length or are empty, a value is not between 0 and 1, or a class has no rows.
pub fn roc_auc_one_vs_rest(truth: &[u32], probabilities: &[f64], classes: usize) -> Result<f64, StatsError> {
    check_probabilities(truth, probabilities, classes)?;
    let of_class = |class: usize| {
        let is_class: Vec<bool> = truth.iter().map(|other| *other as usize == class).collect();
        let scores: Vec<f64> = probabilities.iter().skip(class).step_by(classes).copied().collect();
        roc_auc(&is_class, &scores).map_err(|error| error.in_column(class))
    };
    let areas = (0..classes).map(of_class).collect::<Result<Vec<f64>, _>>()?;
    Ok(areas.iter().sum::<f64>() / classes as f64)
}

/// Average precision: the precision at each threshold, weighted by the recall it adds.
///
/// # Errors
/// The columns differ in length, a score is NaN, or there are no positives.
pub fn average_precision(truth: &[bool], scores: &[f64]) -> Result<f64, StatsError> {
    let ranking = Ranking::new(truth, scores)?;
    check_count("positive samples", ranking.positives(), 1)?;
    let (mut hits, mut seen, mut sum) = (0_usize, 0_usize, 0.0);
    for tie in ranking.ties() {
        let more = tie.iter().filter(|row| ranking.is_positive[**row as usize]).count();
        (hits, seen) = (hits + more, seen + tie.len());
        sum += more as f64 * hits as f64 / seen as f64;
    }
    Ok(sum / ranking.positives() as f64)
}

/// Rows in descending order of score.
pub(crate) struct Ranking<'a> {
    order: Vec<u32>,
    /// Where in the order each run of equal scores ends.
    ends: Vec<usize>,
    is_positive: &'a [bool],
}

impl<'a> Ranking<'a> {
    pub(crate) fn new(truth: &'a [bool], scores: &[f64]) -> Result<Self, StatsError> {
        check_length("score", scores.len(), truth.len())?;
        check_each("score", scores, "a number", |score| !score.is_nan())?;
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        // Adding zero turns −0 into 0, which ties with it.
        let score = |row: u32| scores[row as usize] + 0.0;
        order.sort_unstable_by(|a, b| score(*b).total_cmp(&score(*a)).then(a.cmp(b)));
        let is_end = |place: &usize| *place == order.len() || score(order[place - 1]) != score(order[*place]);
        let ends = (1..=order.len()).filter(is_end).collect();
        Ok(Self { order, ends, is_positive: truth })
    }

    pub(crate) fn check_both(&self) -> Result<(), StatsError> {
        check_count("positive samples", self.positives(), 1)?;
        check_count("negative samples", self.order.len() - self.positives(), 1)
    }

    fn positives(&self) -> usize {
        self.is_positive.iter().filter(|is_positive| **is_positive).count()
    }

    /// Rows of equal score, the highest first.
    fn ties(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let tie = &self.order[start..*end];
            start = *end;
            tie
        })
    }

    /// The area where each row counts `weight` times; none without both kinds. Twice the area times the number
    /// of pairs is a whole number, so that the sum is exact.
    pub(crate) fn auc(&self, weight: impl Fn(usize) -> u32) -> Option<f64> {
        let (mut positives, mut negatives, mut doubled) = (0_u64, 0_u64, 0_u128);
        for tie in self.ties() {
            let (mut more_positives, mut more_negatives) = (0_u64, 0_u64);
            for row in tie {
                let weight = u64::from(weight(*row as usize));
                if self.is_positive[*row as usize] {
                    more_positives += weight
                } else {
                    more_negatives += weight
                }
            }
            doubled += u128::from(more_negatives) * u128::from(2 * positives + more_positives);
            (positives, negatives) = (positives + more_positives, negatives + more_negatives);
        }
        let pairs = positives as f64 * negatives as f64;
        (pairs > 0.0).then(|| doubled as f64 / (2.0 * pairs))
    }
}
