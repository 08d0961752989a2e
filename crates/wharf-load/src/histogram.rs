//! Latencies in buckets whose width is a fixed share of their value.

use std::time::Duration;

/// Buckets for each doubling: values are kept to one part in 128.
const SUB_BITS: u32 = 7;
const SUB_BUCKETS: usize = 1 << SUB_BITS;
/// Enough for every number of nanoseconds that 64 bits hold.
const BUCKETS: usize = (u64::BITS - SUB_BITS + 1) as usize * SUB_BUCKETS;

/// How often each latency occurred, to within 0.8 %. Its size does not depend on how many it counts.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: Box<[u64]>,
    count: u64,
    sum: u128,
    least: u64,
    greatest: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        let counts = vec![0; BUCKETS].into_boxed_slice();
        Self { counts, count: 0, sum: 0, least: u64::MAX, greatest: 0 }
    }
}

impl Histogram {
    /// Counts one latency.
    pub fn record(&mut self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket_of(nanos)) {
            *count += 1;
        }
        self.count += 1;
        self.sum += u128::from(nanos);
        self.least = self.least.min(nanos);
        self.greatest = self.greatest.max(nanos);
    }

    /// Counts what `other` has counted.
    pub fn merge(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(ours, theirs)| *ours += theirs);
        self.count += other.count;
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The latency that the share `q` (0 to 1) of all does not exceed; `None` where none was counted.
    pub fn quantile(&self, q: f64) -> Option<Duration> {
        // Less a little, because 0.99 times 100 may come out above 99.
        let rank = ((q.clamp(0.0, 1.0) * self.count as f64 - 1e-6).ceil() as u64).max(1);
        let mut below = 0;
        let bucket = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Some(Duration::from_nanos(highest_of(bucket).clamp(self.least, self.greatest)))
    }

    /// The average; `None` where none was counted.
    pub fn mean(&self) -> Option<Duration> {
        let nanos = self.sum.checked_div(u128::from(self.count))?;
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// The longest; `None` where none was counted.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_nanos(self.greatest))
    }
}

/// Values below `SUB_BUCKETS` have a bucket each; from there on, the leading bits choose it.
fn bucket_of(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(SUB_BITS + 1);
    shift as usize * SUB_BUCKETS + (nanos >> shift) as usize
}

/// The highest value that falls into `bucket`.
fn highest_of(bucket: usize) -> u64 {
    let shift = (bucket / SUB_BUCKETS).saturating_sub(1);
    let leading = (bucket - shift * SUB_BUCKETS) as u128;
    u64::try_from(((leading + 1) << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_every_value_to_one_part_in_128() {
        for nanos in
            (0..64).flat_map(|bit| [1_u64 << bit, (1_u64 << bit) - 1, (1_u64 << bit) + (1 << bit) / 3])
        {
            let bucket = bucket_of(nanos);
            assert!(bucket < BUCKETS, "{nanos}");
            let highest = highest_of(bucket);
            assert!(highest >= nanos && highest - nanos <= nanos / 128, "{nanos}: {highest}");
        }
        assert_eq!(highest_of(bucket_of(u64::MAX)), u64::MAX);
    }

    #[test]
    fn buckets_are_in_the_order_of_their_values() {
        let buckets: Vec<usize> = (0..100_000).map(bucket_of).collect();
        assert!(buckets.is_sorted());
        assert!(buckets.windows(2).all(|pair| pair[1] - pair[0] <= 1), "no bucket is left out");
    }

    #[test]
    fn quantiles_are_ranks() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|nanos| histogram.record(Duration::from_nanos(nanos)));
        for (q, nanos) in [(0.0, 1), (0.01, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1.0, 100)] {
            assert_eq!(histogram.quantile(q), Some(Duration::from_nanos(nanos)), "{q}");
        }
        assert_eq!(histogram.mean(), Some(Duration::from_nanos(50)));
        assert_eq!(histogram.max(), Some(Duration::from_nanos(100)));
    }

    #[test]
    fn nothing_counted_has_no_quantile() {
        let histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.mean(), histogram.max()), (None, None, None));
    }

    #[test]
    fn merging_is_counting_both() {
        let (mut all, mut odd, mut even) = (Histogram::default(), Histogram::default(), Histogram::default());
        for micros in 1..2000 {
            let latency = Duration::from_micros(micros * micros);
            all.record(latency);
            if micros % 2 == 0 { even.record(latency) } else { odd.record(latency) }
        }
        odd.merge(&even);
        assert_eq!((odd.count(), odd.mean(), odd.max()), (all.count(), all.mean(), all.max()));
        for q in [0.0, 0.1, 0.5, 0.9, 0.999] {
            assert_eq!(odd.quantile(q), all.quantile(q));
        }
    }

    #[test]
    fn the_longest_duration_is_counted() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.max(), Some(Duration::from_nanos(u64::MAX)));
    }
}
