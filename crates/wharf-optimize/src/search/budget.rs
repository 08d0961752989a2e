//! What a model may cost.

use serde::{Deserialize, Serialize};

use super::outcome::Entry;

/// What a model may cost. A limit that is absent does not count.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// How much quality may be lost: 0.005 is half a point of accuracy, or of R2.
    pub max_loss: Option<f64>,
    /// The size of the model's file.
    pub max_size_bytes: Option<u64>,
    /// The latency that 99 of 100 runs of one sample keep, in milliseconds.
    pub max_p99_ms: Option<f64>,
    /// Whether the loss counts by the upper end of its interval and not by its mean.
    pub must_be_certain: bool,
}

impl Default for Budget {
    /// One point of quality, whatever size and latency.
    fn default() -> Self {
        Self { max_loss: Some(0.01), max_size_bytes: None, max_p99_ms: None, must_be_certain: false }
    }
}

impl Budget {
    /// The reasons for which `entry` does not fit; none where it does.
    pub fn refusals(&self, entry: &Entry) -> Vec<String> {
        [self.loss(entry), self.size(entry), self.latency(entry)].into_iter().flatten().collect()
    }

    fn loss(&self, entry: &Entry) -> Option<String> {
        let (limit, loss) = (self.max_loss?, entry.loss);
        let decisive = if self.must_be_certain { loss.high } else { loss.mean };
        // A loss that is no number does not fit either.
        (decisive > limit || decisive.is_nan()).then(|| {
            let [mean, low, high, limit] = [loss.mean, loss.low, loss.high, limit].map(|share| share * 100.0);
            format!(
                "loses {mean:.2} points of {} (95 %: {low:.2} to {high:.2}), at most {limit} allowed",
                entry.metric
            )
        })
    }

    fn size(&self, entry: &Entry) -> Option<String> {
        let limit = self.max_size_bytes?;
        (entry.size_bytes > limit).then(|| format!("has {} bytes, at most {limit} allowed", entry.size_bytes))
    }

    fn latency(&self, entry: &Entry) -> Option<String> {
        let (limit, p99) = (self.max_p99_ms?, entry.latency.p99_ms);
        (p99 > limit).then(|| format!("has a p99 of {p99:.3} ms, at most {limit} ms allowed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Interval, Latency};

    fn entry(loss: Interval, size_bytes: u64, p99_ms: f64) -> Entry {
        let latency = Latency { p99_ms, ..Latency::default() };
        Entry { metric: "accuracy".into(), loss, size_bytes, latency, ..Entry::default() }
    }

    #[test]
    fn every_limit_that_is_broken_is_named() {
        let budget = Budget {
            max_loss: Some(0.005),
            max_size_bytes: Some(1000),
            max_p99_ms: Some(5.0),
            must_be_certain: false,
        };
        let halved = Interval { mean: 0.4, low: 0.35, high: 0.45 };
        assert_eq!(
            budget.refusals(&entry(halved, 1001, 5.5)),
            [
                "loses 40.00 points of accuracy (95 %: 35.00 to 45.00), at most 0.5 allowed",
                "has 1001 bytes, at most 1000 allowed",
                "has a p99 of 5.500 ms, at most 5 ms allowed",
            ]
        );
        let small = Interval { mean: 0.004, low: -0.002, high: 0.01 };
        assert!(budget.refusals(&entry(small, 1000, 5.0)).is_empty());
        let strict = Budget { must_be_certain: true, ..budget };
        assert_eq!(strict.refusals(&entry(small, 1000, 5.0)).len(), 1);
        let nonsense = Interval { mean: f64::NAN, low: f64::NAN, high: f64::NAN };
        assert_eq!(budget.refusals(&entry(nonsense, 1, 1.0)).len(), 1);
    }

    #[test]
    fn limits_that_are_absent_do_not_count() {
        let none = Budget { max_loss: None, ..Budget::default() };
        assert!(none.refusals(&entry(Interval { mean: 1.0, low: 1.0, high: 1.0 }, u64::MAX, 1e9)).is_empty());
    }
}
