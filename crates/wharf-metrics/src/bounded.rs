//! Histograms with bounds that somebody else chose.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::HistogramSnapshot;
use crate::counter::nanos;

/// A histogram with fixed bounds, for names whose buckets clients know by heart.
#[derive(Debug)]
pub struct BoundedHistogram {
    /// What one of the recorded integers is worth in the unit of the bounds.
    scale: f64,
    bounds: Box<[f64]>,
    /// The largest recorded integer of each bucket.
    ends: Box<[u64]>,
    /// One more than there are bounds: the last has none.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl BoundedHistogram {
    /// With ascending upper bounds, and `scale` between what is recorded and their unit.
    pub fn new(bounds: &[f64], scale: f64) -> Self {
        let ends: Box<[u64]> = bounds.iter().map(|bound| (bound / scale) as u64).collect();
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { scale, bounds: bounds.into(), ends, buckets, sum: AtomicU64::new(0) }
    }

    /// With `count` bounds that begin at `first` and grow by `factor`.
    pub fn exponential(first: f64, factor: f64, count: u16, scale: f64) -> Self {
        let bounds: Vec<f64> = (0..count).map(|index| first * factor.powi(i32::from(index))).collect();
        Self::new(&bounds, scale)
    }

    /// One more of this value, in the integers that the scale is for.
    pub fn record(&self, value: u64) {
        self.record_times(1, value);
    }

    /// So many more of this value.
    pub fn record_times(&self, times: u64, value: u64) {
        let bucket = self.ends.partition_point(|end| *end < value);
        self.buckets[bucket].fetch_add(times, Ordering::Relaxed);
        self.sum.fetch_add(value.wrapping_mul(times), Ordering::Relaxed);
    }

    /// `times` more of this duration, where nanoseconds are recorded.
    pub fn record_durations(&self, times: u64, elapsed: Duration) {
        self.record_times(times, nanos(elapsed));
    }

    /// What was recorded so far.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let mut cumulative = 0_u64;
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let buckets = bounds.zip(self.buckets.iter()).map(|(bound, bucket)| {
            cumulative = cumulative.wrapping_add(bucket.load(Ordering::Relaxed));
            (bound, cumulative)
        });
        let buckets: Vec<_> = buckets.collect();
        HistogramSnapshot {
            count: cumulative,
            sum: self.sum.load(Ordering::Relaxed) as f64 * self.scale,
            buckets,
            native: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_the_bucket_that_they_end() {
        let histogram = BoundedHistogram::new(&[10.0, 18.0], 0.001);
        for nanos in [1, 10_000, 10_001, 18_000] {
            histogram.record(nanos);
        }
        histogram.record_durations(1, Duration::from_nanos(18_001));
        let snapshot = histogram.snapshot();
        assert_eq!(snapshot.buckets, [(10.0, 2), (18.0, 4), (f64::INFINITY, 5)]);
        assert_eq!(snapshot.count, 5);
        assert!((snapshot.sum - 56.003).abs() < 1e-9);
    }

    #[test]
    fn exponential_bounds_grow_by_their_factor() {
        let snapshot = BoundedHistogram::exponential(10.0, 1.8, 33, 1.0).snapshot();
        assert_eq!(snapshot.buckets.len(), 34);
        assert_eq!(snapshot.buckets[1].0, 18.0);
        assert!((snapshot.buckets[32].0 / 1.478e9 - 1.0).abs() < 0.01, "{}", snapshot.buckets[32].0);
    }
}
