//! A promise about latency, and the search for the highest rate that keeps it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::{LoadError, Summary};

/// A quantile of latency and what it may be at most, written `p99=20ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slo {
    /// The share of requests, 0 to 1.
    pub quantile: f64,
    /// What they may take.
    pub latency: Duration,
}

impl Slo {
    /// The quantile of all requests, where those without an answer took for ever; `None` if it lies among those.
    pub fn latency_of(&self, summary: &Summary) -> Option<Duration> {
        // Of the answers, a larger share must be within the limit to make up for those that never came.
        let share = self.quantile * summary.requests as f64 / summary.answered as f64;
        if share <= 1.0 { summary.histogram.quantile(share) } else { None }
    }

    /// Whether `summary` keeps it.
    pub fn holds(&self, summary: &Summary) -> bool {
        self.latency_of(summary).is_some_and(|latency| latency <= self.latency)
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded, because 0.999 times 100 is not 99.9 in binary.
        let percent = (self.quantile * 1e8).round() / 1e6;
        // `Duration` writes a micro sign, which cannot be typed.
        write!(f, "p{percent}={}", format!("{:?}", self.latency).replace('µ', "u"))
    }
}

impl FromStr for Slo {
    type Err = LoadError;

    fn from_str(text: &str) -> Result<Self, LoadError> {
        let malformed = || LoadError::argument(format!("`{text}` is no promise, expected one like p99=20ms"));
        let (quantile, latency) = text.split_once('=').ok_or_else(malformed)?;
        let percent: f64 = quantile.strip_prefix('p').and_then(|p| p.parse().ok()).ok_or_else(malformed)?;
        if !(percent > 0.0 && percent < 100.0) {
            return Err(malformed());
        }
        Ok(Self { quantile: percent / 100.0, latency: duration_of(latency).ok_or_else(malformed)? })
    }
}

/// A number with `us`, `ms` or `s`.
fn duration_of(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let scale = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    let duration = Duration::try_from_secs_f64(number.parse::<f64>().ok()? * scale).ok()?;
    (!duration.is_zero()).then_some(duration)
}

/// Finds the highest rate by doubling and halving, then by bisection.
#[derive(Clone, Debug)]
pub struct RateSearch {
    next: f64,
    kept: Option<f64>,
    broken: Option<f64>,
    probes: usize,
}

/// Rates this close to each other are the same.
const RESOLUTION: f64 = 1.03;
/// Far more than the doublings and bisections between any two rates that a machine can do.
const MAX_PROBES: usize = 24;

impl RateSearch {
    /// Begins at `rate`.
    pub fn new(rate: f64) -> Self {
        Self { next: rate, kept: None, broken: None, probes: 0 }
    }

    /// The next rate to try; `None` when the highest is known.
    pub fn next_rate(&self) -> Option<f64> {
        let is_known = match (self.kept, self.broken) {
            (Some(kept), Some(broken)) => broken / kept <= RESOLUTION,
            _ => false,
        };
        (!is_known && self.probes < MAX_PROBES).then_some(self.next)
    }

    /// Tells whether the rate that was to be tried keeps the promise.
    pub fn observe(&mut self, holds: bool) {
        self.probes += 1;
        *if holds { &mut self.kept } else { &mut self.broken } = Some(self.next);
        self.next = match (self.kept, self.broken) {
            (Some(kept), Some(broken)) => (kept * broken).sqrt(),
            (Some(kept), None) => kept * 2.0,
            (None, Some(broken)) => broken / 2.0,
            (None, None) => self.next,
        };
    }

    /// The highest rate that kept the promise; `None` where none did.
    pub fn highest(&self) -> Option<f64> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Histogram;

    #[test]
    fn promises_are_read_and_others_refused() {
        for (text, quantile, micros) in
            [("p99=20ms", 0.99, 20_000), ("p99.9=1.5s", 0.999, 1_500_000), ("p50=800us", 0.5, 800)]
        {
            let slo: Slo = text.parse().unwrap();
            assert!((slo.quantile - quantile).abs() < 1e-12);
            assert_eq!((slo.latency, slo.to_string().as_str()), (Duration::from_micros(micros), text));
        }
        for text in
            ["", "p99", "99=20ms", "p99=20", "p0=1s", "p100=1s", "p99=-1ms", "p99=0s", "p99=1h", "pX=1s"]
        {
            assert!(text.parse::<Slo>().is_err(), "{text}");
        }
    }

    #[test]
    fn requests_without_an_answer_took_for_ever() {
        let mut histogram = Histogram::default();
        (1..=90).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        let mut summary = Summary::of_answers(&histogram, Duration::from_secs(1));
        summary.requests = 100;
        let p = |quantile| Slo { quantile, latency: Duration::from_millis(51) };
        // 50 of 100 are 50 of the 90 answers; a histogram is exact to 0.8 %.
        assert!(p(0.5).holds(&summary));
        assert!(!p(0.6).holds(&summary));
        assert_eq!(p(0.95).latency_of(&summary), None);
        summary.answered = 0;
        assert!(!p(0.5).holds(&summary));
    }

    #[test]
    fn the_search_closes_in_on_any_capacity_from_either_side() {
        for capacity in [0.5, 3.0, 100.0, 101.0, 7777.0, 1e5] {
            let mut search = RateSearch::new(100.0);
            while let Some(rate) = search.next_rate() {
                search.observe(rate <= capacity);
            }
            let highest = search.highest().unwrap();
            assert!(highest <= capacity && highest * RESOLUTION >= capacity, "{capacity}: {highest}");
        }
    }

    #[test]
    fn a_promise_that_nothing_keeps_ends_the_search() {
        let mut search = RateSearch::new(100.0);
        while search.next_rate().is_some() {
            search.observe(false);
        }
        assert_eq!((search.highest(), search.probes), (None, MAX_PROBES));
    }
}
