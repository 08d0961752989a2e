//! Histograms whose buckets grow by the eighth root of two, as Prometheus' native histograms of schema 3.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::counter::nanos;
use crate::{HistogramSnapshot, NativeBuckets};

/// Buckets for each power of two: what schema 3 means.
pub(crate) const PER_POWER: usize = 8;
/// 2^(k/8) - 1 as the 52 bits after the binary point of a double, for k of 1 to 7: where the buckets of one power
/// of two end.
const ENDS: [u64; PER_POWER - 1] = [
    0x0001_72b8_3c7d_517b,
    0x0003_06fe_0a31_b715,
    0x0004_bfda_d536_2a27,
    0x0006_a09e_667f_3bcd,
    0x0008_ace5_422a_a0db,
    0x000a_e89f_995a_d3ad,
    0x000d_5818_dcfb_a487,
];
const MANTISSA_BITS: u32 = 52;
const MANTISSA: u64 = (1 << MANTISSA_BITS) - 1;
const EXPONENT_BIAS: i32 = 1023;

/// A histogram over many powers of ten with an error of at most 9 % in any value. Recording takes two relaxed
/// additions.
#[derive(Debug)]
pub struct Histogram {
    /// What one of the recorded integers is worth in the unit of the histogram.
    scale: f64,
    /// The index of the first bucket: it ends at 2^(first/8).
    first: i32,
    zeros: AtomicU64,
    buckets: Box<[AtomicU64]>,
    /// Of the recorded integers.
    sum: AtomicU64,
}

impl Histogram {
    /// Of durations in seconds, recorded in nanoseconds: exact from a nanosecond to 17 minutes, and beyond that in
    /// the last bucket.
    pub fn of_durations() -> Self {
        Self::new(1e-9, -30, 10)
    }

    /// Of sizes and counts from 1 to a million.
    pub fn of_counts() -> Self {
        Self::new(1.0, 0, 20)
    }

    /// With buckets for values (recorded integers times `scale`) between 2^`from` and 2^`to`; smaller ones count in
    /// the first bucket, larger ones in the last.
    pub fn new(scale: f64, from: i8, to: i8) -> Self {
        let powers = usize::try_from(i16::from(to) - i16::from(from)).unwrap_or(0);
        let buckets = (0..=powers * PER_POWER).map(|_| AtomicU64::new(0)).collect();
        let first = i32::from(from) * PER_POWER as i32;
        Self { scale, first, zeros: AtomicU64::new(0), buckets, sum: AtomicU64::new(0) }
    }

    /// One more of this value, in the integers that the scale is for.
    pub fn record(&self, value: u64) {
        let counter = if value == 0 { &self.zeros } else { self.bucket(value as f64 * self.scale) };
        counter.fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// One more of this duration, for [`Histogram::of_durations`].
    pub fn record_duration(&self, elapsed: Duration) {
        self.record(nanos(elapsed));
    }

    /// The sum of the recorded integers.
    pub fn sum(&self) -> u64 {
        self.sum.load(Ordering::Relaxed)
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        buckets.fold(self.zeros.load(Ordering::Relaxed), u64::wrapping_add)
    }

    /// What was recorded so far. Values that are recorded meanwhile may be in the counts and not in the sum.
    pub fn snapshot(&self) -> HistogramSnapshot {
        let native = NativeBuckets {
            zeros: self.zeros.load(Ordering::Relaxed),
            first: self.first,
            counts: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
        };
        HistogramSnapshot::of_native(native, self.sum() as f64 * self.scale)
    }

    fn bucket(&self, value: f64) -> &AtomicU64 {
        let index = i64::from(index(value)) - i64::from(self.first);
        let last = self.buckets.len() - 1;
        let index = usize::try_from(index).unwrap_or(0).min(last);
        &self.buckets[index]
    }
}

/// The bucket of a positive value: the smallest `i` for which `value <= 2^(i/8)`.
fn index(value: f64) -> i32 {
    let bits = value.to_bits();
    let exponent = (bits >> MANTISSA_BITS) as i32 - EXPONENT_BIAS;
    let mantissa = bits & MANTISSA;
    let ended: i32 = ENDS.iter().map(|end| i32::from(mantissa > *end)).sum();
    exponent * PER_POWER as i32 + ended + i32::from(mantissa > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_the_eighth_roots_of_two() {
        for (k, end) in ENDS.iter().enumerate() {
            let expected = ((k + 1) as f64 / 8.0).exp2().to_bits() & MANTISSA;
            assert!(end.abs_diff(expected) <= 1, "{k}: {end:x}, expected {expected:x}");
        }
    }

    #[test]
    fn buckets_end_at_their_bound_and_begin_after_the_one_before() {
        for (value, expected) in [
            (1.0, 0),
            (1.0001, 1),
            (1.09, 1),
            (1.0906, 2),
            (1.99, 8),
            (2.0, 8),
            (2.001, 9),
            (0.5, -8),
            (0.51, -7),
            (1e-9, -239),
            (4.0, 16),
            (1024.0, 80),
        ] {
            assert_eq!(index(value), expected, "{value}");
        }
    }

    #[test]
    fn values_outside_count_in_the_nearest_bucket_and_zero_on_its_own() {
        let histogram = Histogram::new(1.0, 1, 2);
        for value in [0, 1, 2, 3, 4, 1000, u64::MAX] {
            histogram.record(value);
        }
        let snapshot = histogram.snapshot();
        let native = snapshot.native.unwrap();
        assert_eq!(native.zeros, 1);
        assert_eq!((native.counts[0], native.counts[5], native.counts[8]), (2, 1, 3));
        assert_eq!(histogram.count(), 7);
    }

    #[test]
    fn durations_are_in_seconds() {
        let histogram = Histogram::of_durations();
        histogram.record_duration(Duration::from_millis(1500));
        histogram.record_duration(Duration::MAX);
        assert_eq!(histogram.count(), 2);
        let other = Histogram::of_durations();
        other.record_duration(Duration::from_millis(1500));
        assert_eq!(other.snapshot().sum, 1.5);
    }
}
