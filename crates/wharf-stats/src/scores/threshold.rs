//! The best cut of a continuous column in two (C4.5).

use super::InformationGain;
use crate::error::{StatsError, check_each, check_length};
use crate::mutual::entropy_of_counts;

/// The cut of a continuous column that tells most about the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestThreshold {
    /// Rows up to and including this value are on the low side.
    pub value: f64,
    /// Gain of the cut, times the share of rows that have a value; its split information is of those alone.
    pub gain: InformationGain,
}

/// The threshold with the highest information gain, of equals the lowest; none where no cut separates
/// anything. Candidates are the midpoints between neighbouring values of different classes.
///
/// Rows whose value is NaN are missing: the gain is measured without them and multiplied by the share of the
/// others, as C4.5 does.
///
/// # Errors
/// The columns differ in length, or a value is infinite.
pub fn best_threshold(feature: &[f64], target: &[u32]) -> Result<Option<BestThreshold>, StatsError> {
    check_length("target", target.len(), feature.len())?;
    check_each("feature", feature, "a number or NaN", |value| !value.is_infinite())?;
    let sorted = SortedByValue::new(feature, target);
    let known = sorted.rows.len() as f64 / feature.len().max(1) as f64;
    let Some(cut) = sorted.best_cut(0..sorted.rows.len()) else { return Ok(None) };
    let low = cut.place as f64 / sorted.rows.len() as f64;
    let split = -(low * libm::log(low) + (1.0 - low) * libm::log(1.0 - low));
    let gain = InformationGain::from_nats(cut.entropy, cut.gain * known, split);
    Ok(Some(BestThreshold { value: sorted.midpoint(cut.place), gain }))
}

/// A cut before the row at `place`, in nats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) place: usize,
    pub(super) entropy: f64,
    pub(super) gain: f64,
}

/// Values that are known with their classes, in ascending order.
pub(super) struct SortedByValue {
    /// Value, and place of the class among the classes that occur.
    pub(super) rows: Vec<(f64, usize)>,
    pub(super) classes: usize,
}

impl SortedByValue {
    pub(super) fn new(feature: &[f64], target: &[u32]) -> Self {
        let mut names = target.to_vec();
        names.sort_unstable();
        names.dedup();
        let known = feature.iter().zip(target).filter(|(value, _)| !value.is_nan());
        // Adding zero turns −0 into 0: the two are one value.
        let mut rows: Vec<(f64, usize)> =
            known.map(|(value, class)| (value + 0.0, names.partition_point(|name| name < class))).collect();
        rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self { rows, classes: names.len() }
    }

    /// How many rows of each class a range holds.
    pub(super) fn counts(&self, range: std::ops::Range<usize>) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.rows[range].iter().for_each(|(_, class)| counts[*class] += 1);
        counts
    }

    /// The value between the row before `place` and the one at it.
    pub(super) fn midpoint(&self, place: usize) -> f64 {
        let (low, high) = (self.rows[place - 1].0, self.rows[place].0);
        let middle = low + (high - low) / 2.0;
        // Of two values that touch, and where the difference overflows, the lower one separates them.
        if middle >= low && middle < high { middle } else { low }
    }

    /// The cut of a range with the highest gain, of equals the first.
    pub(super) fn best_cut(&self, range: std::ops::Range<usize>) -> Option<Cut> {
        let (mut low, mut high) = (vec![0; self.classes], self.counts(range.clone()));
        let entropy = entropy_of_counts(high.iter().copied());
        let total = range.len() as f64;
        let mut best: Option<Cut> = None;
        for place in range.start + 1..range.end {
            let (value, class) = self.rows[place - 1];
            low[class] += 1;
            high[class] -= 1;
            if self.rows[place].0 == value || !self.is_boundary(place, &range) {
                continue;
            }
            let below = (place - range.start) as f64 / total;
            let left = below * entropy_of_counts(low.iter().copied());
            let gain = entropy - left - (1.0 - below) * entropy_of_counts(high.iter().copied());
            if gain > best.map_or(1e-12, |best| best.gain + 1e-12) {
                best = Some(Cut { place, entropy, gain });
            }
        }
        best
    }

    /// Whether the values on either side of a cut are not both of one and the same class: only such cuts can
    /// be best (Fayyad and Irani, 1992).
    fn is_boundary(&self, place: usize, range: &std::ops::Range<usize>) -> bool {
        let (below, above) = (self.rows[place - 1], self.rows[place]);
        // Rows of one value are in order of class: the first and the last say whether all are of one.
        let first_below = self.rows[range.clone()].partition_point(|row| row.0 < below.0) + range.start;
        let end_above = self.rows[range.clone()].partition_point(|row| row.0 <= above.0) + range.start;
        let is_pure = self.rows[first_below].1 == below.1 && self.rows[end_above - 1].1 == above.1;
        !is_pure || below.1 != above.1
    }
}
