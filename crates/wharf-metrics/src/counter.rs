//! Numbers that grow, numbers that go up and down.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

/// How often something happened and how long it took in all.
#[derive(Debug, Default)]
pub struct TimeCounter {
    count: Counter,
    nanos: Counter,
}

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// `amount` more. Past the largest number it starts again at 0, as Prometheus expects of counters.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// Now it is `value`.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// `change` more, or less where it is negative.
    pub fn add(&self, change: i64) {
        self.0.fetch_add(change, Ordering::Relaxed);
    }

    /// What it is.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl TimeCounter {
    /// It happened once more and took this long.
    pub fn record(&self, elapsed: Duration) {
        self.record_times(1, elapsed);
    }

    /// It happened `times` more and took this long in all.
    pub fn record_times(&self, times: u64, elapsed: Duration) {
        self.count.add(times);
        self.nanos.add(nanos(elapsed));
    }

    /// How often it happened.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// How long it took in all.
    pub fn nanos(&self) -> u64 {
        self.nanos.get()
    }
}

/// A duration as whole nanoseconds; the longest there is where it is longer than 584 years.
pub(crate) fn nanos(elapsed: Duration) -> u64 {
    u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_grow_and_start_again_past_the_largest_number() {
        let counter = Counter::default();
        counter.increment();
        counter.add(u64::MAX);
        assert_eq!(counter.get(), 0);
    }

    #[test]
    fn gauges_go_both_ways() {
        let gauge = Gauge::default();
        gauge.add(2);
        gauge.add(-3);
        assert_eq!(gauge.get(), -1);
        gauge.set(7);
        assert_eq!(gauge.get(), 7);
    }

    #[test]
    fn time_counters_know_how_often_and_how_long() {
        let time = TimeCounter::default();
        time.record(Duration::from_nanos(5));
        time.record_times(3, Duration::from_micros(1));
        assert_eq!((time.count(), time.nanos()), (4, 1005));
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }
}
