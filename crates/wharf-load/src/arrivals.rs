//! When requests are due.

use std::time::Duration;

/// How arrivals are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other, as from many callers who do not know of each other.
    #[default]
    Poisson,
    /// At equal distances.
    Even,
}

/// Due times from the start on, without end. The same seed gives the same times.
#[derive(Clone, Debug)]
pub struct Schedule {
    mean_gap_seconds: f64,
    arrivals: Arrivals,
    random: SplitMix64,
    count: u64,
    at_seconds: f64,
}

impl Schedule {
    /// `rate` arrivals a second on average; a rate that is not above zero gives none at all.
    pub fn new(rate: f64, arrivals: Arrivals, seed: u64) -> Self {
        Self { mean_gap_seconds: 1.0 / rate, arrivals, random: SplitMix64(seed), count: 0, at_seconds: 0.0 }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.count += 1;
        self.at_seconds = match self.arrivals {
            // Not a sum: its error would grow.
            Arrivals::Even => self.count as f64 * self.mean_gap_seconds,
            Arrivals::Poisson => self.at_seconds - (1.0 - self.random.share()).ln() * self.mean_gap_seconds,
        };
        if self.mean_gap_seconds > 0.0 { Duration::try_from_secs_f64(self.at_seconds).ok() } else { None }
    }
}

/// Steele, Lea and Flood's generator: enough for gaps, and the same everywhere.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, but not including, 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_arrivals_do_not_drift() {
        let mut schedule = Schedule::new(3.0, Arrivals::Even, 0);
        assert_eq!(schedule.nth(2_999_999), Some(Duration::from_secs(1_000_000)));
    }

    #[test]
    fn poisson_gaps_have_the_mean_and_the_spread_of_an_exponential() {
        let times: Vec<f64> =
            Schedule::new(100.0, Arrivals::Poisson, 5).take(100_000).map(|time| time.as_secs_f64()).collect();
        let gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Four standard errors of either estimate over 100,000 gaps.
        assert!((mean * 100.0 - 1.0).abs() < 0.013, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn a_seed_gives_the_same_times_and_another_gives_others() {
        let times = |seed| Schedule::new(10.0, Arrivals::Poisson, seed).take(10).collect::<Vec<_>>();
        assert_eq!(times(1), times(1));
        assert_ne!(times(1), times(2));
    }

    #[test]
    fn no_rate_gives_no_arrivals() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert_eq!(Schedule::new(rate, Arrivals::Even, 0).next(), None, "{rate}");
            assert_eq!(Schedule::new(rate, Arrivals::Poisson, 0).next(), None, "{rate}");
        }
    }

    #[test]
    fn splitmix_is_the_published_one() {
        let mut random = SplitMix64(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }
}
