//! A histogram as it was at one moment.

use crate::histogram::PER_POWER;

/// A histogram as it was at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HistogramSnapshot {
    /// How many values.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// Upper bounds, the last of them infinite, and how many values are not above each.
    pub buckets: Vec<(f64, u64)>,
    /// The buckets of a native histogram, where it is one.
    pub native: Option<NativeBuckets>,
}

/// Buckets that grow by the eighth root of two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NativeBuckets {
    /// Values that are exactly 0.
    pub zeros: u64,
    /// The index of the first bucket; bucket `i` ends at 2^(i/8).
    pub first: i32,
    /// How many values are in each bucket.
    pub counts: Vec<u64>,
}

/// The powers of two that the text format shows of a native histogram: one bucket for each is enough there.
const STEP: usize = PER_POWER;

impl HistogramSnapshot {
    pub(crate) fn of_native(native: NativeBuckets, sum: f64) -> Self {
        let mut cumulative = native.zeros;
        let mut buckets = Vec::with_capacity(native.counts.len() / STEP + 2);
        for (index, count) in native.counts.iter().enumerate() {
            cumulative = cumulative.wrapping_add(*count);
            // The last bucket also holds what is above it: its bound is infinite.
            if index % STEP == 0 && index + 1 < native.counts.len() {
                buckets.push((native.bound(index), cumulative));
            }
        }
        buckets.push((f64::INFINITY, cumulative));
        Self { count: cumulative, sum, buckets, native: Some(native) }
    }

    /// The same values under the bounds of somebody else, who has them in another unit: `scale` of it for one of this.
    /// What is between two bounds of a native histogram counts under the one that is above all of its bucket.
    #[must_use]
    pub fn with_bounds(&self, bounds: &[f64], scale: f64) -> Self {
        let below = |bound: f64| match &self.native {
            Some(native) => native.not_above(bound / scale),
            None => {
                self.buckets.iter().rev().find(|(end, _)| end * scale <= bound).map_or(0, |(_, count)| *count)
            }
        };
        let finite = bounds.iter().map(|bound| (*bound, below(*bound)));
        let buckets = finite.chain([(f64::INFINITY, self.count)]).collect();
        Self { count: self.count, sum: self.sum * scale, buckets, native: None }
    }

    /// The value below which the share `quantile` of all values is, between 0 and 1; `None` where there are none.
    /// Of a native histogram it is right to within 9 %.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let rank = quantile.clamp(0.0, 1.0) * self.count as f64;
        match &self.native {
            Some(native) => Some(native.at_rank(rank)),
            None => Some(within_bounds(&self.buckets, rank)),
        }
    }

    /// What came since `earlier`, a snapshot of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let native = self.native.as_ref().map(|native| native.since(earlier.native.as_ref()));
        let before = |index: usize| earlier.buckets.get(index).map_or(0, |(_, count)| *count);
        let buckets = self.buckets.iter().enumerate();
        Self {
            count: self.count.wrapping_sub(earlier.count),
            sum: self.sum - earlier.sum,
            buckets: buckets.map(|(i, (bound, count))| (*bound, count.wrapping_sub(before(i)))).collect(),
            native,
        }
    }
}

impl NativeBuckets {
    /// Where the bucket at this place in `counts` ends.
    pub fn bound(&self, place: usize) -> f64 {
        ((f64::from(self.first) + place as f64) / PER_POWER as f64).exp2()
    }

    /// How many are in the buckets that end at `bound` or before. The last one has no end.
    fn not_above(&self, bound: f64) -> u64 {
        let ended = self.counts.iter().enumerate().take(self.counts.len().saturating_sub(1));
        let ended = ended.take_while(|(place, _)| self.bound(*place) <= bound);
        ended.fold(self.zeros, |sum, (_, count)| sum.wrapping_add(*count))
    }

    fn at_rank(&self, rank: f64) -> f64 {
        let mut below = self.zeros as f64;
        if rank <= below && self.zeros > 0 {
            return 0.0;
        }
        let mut last = 0.0;
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            last = self.bound(place);
            if below + *count as f64 >= rank {
                // Buckets grow by a factor, so the way through one is taken by a factor too.
                let share = ((rank - below) / *count as f64).max(0.0);
                return last * ((share - 1.0) / PER_POWER as f64).exp2();
            }
            below += *count as f64;
        }
        last
    }

    fn since(&self, earlier: Option<&Self>) -> Self {
        let before =
            |place: usize| earlier.and_then(|earlier| earlier.counts.get(place)).copied().unwrap_or(0);
        let counts = self.counts.iter().enumerate();
        Self {
            zeros: self.zeros.wrapping_sub(earlier.map_or(0, |earlier| earlier.zeros)),
            first: self.first,
            counts: counts.map(|(place, count)| count.wrapping_sub(before(place))).collect(),
        }
    }
}

/// By straight lines between the bounds; the last finite bound where the rank is above it.
fn within_bounds(buckets: &[(f64, u64)], rank: f64) -> f64 {
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, cumulative) in buckets {
        let cumulative = *cumulative as f64;
        if cumulative >= rank && cumulative > below {
            let share = (rank - below) / (cumulative - below);
            return if bound.is_finite() { lower + (bound - lower) * share } else { lower };
        }
        (lower, below) = (*bound, cumulative);
    }
    lower
}

#[cfg(test)]
mod tests {
    use crate::{BoundedHistogram, Histogram};

    #[test]
    fn quantiles_of_native_histograms_are_right_to_nine_percent() {
        let histogram = Histogram::of_durations();
        for value in 1..=10_000_u64 {
            histogram.record(value * 1000);
        }
        let snapshot = histogram.snapshot();
        for (quantile, expected) in [(0.01, 1e-4), (0.5, 5e-3), (0.99, 9.9e-3), (1.0, 1e-2)] {
            let found = snapshot.quantile(quantile).unwrap();
            assert!((found / expected - 1.0).abs() < 0.09, "{quantile}: {found}");
        }
        assert_eq!(Histogram::of_durations().snapshot().quantile(0.5), None);
    }

    #[test]
    fn zeros_are_the_lowest_values() {
        let histogram = Histogram::of_counts();
        histogram.record(0);
        histogram.record(8);
        assert_eq!(histogram.snapshot().quantile(0.5), Some(0.0));
        assert_eq!(histogram.snapshot().quantile(1.0), Some(8.0));
    }

    #[test]
    fn quantiles_of_bounded_histograms_are_between_bounds() {
        let histogram = BoundedHistogram::new(&[10.0, 20.0], 1.0);
        for value in [5, 15, 15, 99] {
            histogram.record(value);
        }
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.quantile(0.25), Some(10.0));
        assert_eq!(snapshot.quantile(0.5), Some(15.0));
        assert_eq!(snapshot.quantile(1.0), Some(20.0));
    }

    #[test]
    fn values_count_under_the_bounds_of_somebody_else() {
        let histogram = Histogram::of_durations();
        for millis in [0, 1, 100, 400, 600, 3_000_000] {
            histogram.record(millis * 1_000_000);
        }
        let seen = histogram.snapshot().with_bounds(&[125.0, 500.0, 2000.0], 1000.0);
        let expected = [(125.0, 3), (500.0, 4), (2000.0, 5), (f64::INFINITY, 6)];
        assert_eq!((seen.buckets.as_slice(), seen.count), (&expected[..], 6));
        assert!((seen.sum - 3_001_101.0).abs() < 1e-6 && seen.native.is_none());
        let again = seen.with_bounds(&[0.5], 1e-3);
        assert_eq!(again.buckets, [(0.5, 4), (f64::INFINITY, 6)]);
    }

    #[test]
    fn difference_is_what_came_since() {
        let histogram = Histogram::of_counts();
        histogram.record(1);
        let earlier = histogram.snapshot();
        histogram.record(100);
        let since = histogram.snapshot().since(&earlier);
        assert_eq!((since.count, since.sum), (1, 100.0));
        assert!(since.quantile(0.5).unwrap() > 90.0);
    }

    #[test]
    fn text_buckets_are_powers_of_two_and_end_with_infinity() {
        let histogram = Histogram::new(1.0, 0, 2);
        for value in [0, 1, 2, 3, 1000] {
            histogram.record(value);
        }
        let buckets = histogram.snapshot().buckets;
        assert_eq!(buckets, [(1.0, 2), (2.0, 3), (f64::INFINITY, 5)]);
    }
}
