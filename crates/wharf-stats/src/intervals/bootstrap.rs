//! The bootstrap: rows drawn with replacement (Efron, 1979).

use super::Interval;
use super::accelerated::{Acceleration, ends};
use crate::error::{StatsError, check_count, check_share};
use crate::random::{Purpose, Stream, in_parallel};

/// Parts that are left out one after the other to find the acceleration: single rows up to this many.
const JACKKNIFE_PARTS: usize = 1000;

/// How the ends follow from the replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapMethod {
    /// Quantiles of the replicates.
    Percentile,
    /// Quantiles corrected for bias and for an error that changes with the figure (BCa: Efron, 1987). Above a
    /// thousand rows the acceleration is that of a thousand parts left out in turn.
    Accelerated,
}

/// Replicates of a figure over rows drawn with replacement. Replicates are drawn on all threads, each from a
/// stream of its own: the same seed gives the same interval.
///
/// ```
/// use wharf_stats::Bootstrap;
///
/// let truth: Vec<bool> = (0..200).map(|row| row % 2 == 0).collect();
/// let scores: Vec<f64> = (0..200).map(|row| f64::from(row * 37 % 101 + row % 2 * -30)).collect();
/// let area = Bootstrap::default().auc(&truth, &scores)?;
/// assert!(0.5 < area.low && area.low < area.estimate && area.estimate < area.high && area.high < 1.0);
/// # Ok::<(), wharf_stats::StatsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// How many replicates, at least 20.
    pub replicates: usize,
    /// Between 0 and 1, such as 0.95.
    pub confidence: f64,
    /// Seed of the replicates.
    pub seed: u64,
    /// How the ends follow from the replicates.
    pub method: BootstrapMethod,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { replicates: 1000, confidence: 0.95, seed: 0, method: BootstrapMethod::Accelerated }
    }
}

impl Bootstrap {
    /// The interval of any figure over `rows` rows. `statistic` is given how often each row counts, and returns
    /// none where the figure is not defined; such replicates are left out, unless they are half of all.
    ///
    /// # Errors
    /// No rows, fewer than 20 replicates, a confidence that is not between 0 and 1, or a figure that is not
    /// defined for the rows as they are or for half of the replicates.
    pub fn statistic(
        &self,
        rows: usize,
        statistic: impl Fn(&[u32]) -> Option<f64> + Send + Sync,
    ) -> Result<Interval, StatsError> {
        let (estimate, replicates) = self.replicates_of(rows, &statistic)?;
        self.interval(rows, estimate, replicates, &statistic)
    }

    /// The interval of figures that were replicated.
    pub(super) fn interval(
        &self,
        rows: usize,
        estimate: f64,
        mut replicates: Vec<f64>,
        statistic: &(impl Fn(&[u32]) -> Option<f64> + Send + Sync),
    ) -> Result<Interval, StatsError> {
        let acceleration = match self.method {
            BootstrapMethod::Percentile => None,
            BootstrapMethod::Accelerated => {
                Some(Acceleration::new(estimate, &replicates, &left_out(rows, statistic)))
            }
        };
        replicates.sort_unstable_by(f64::total_cmp);
        let (low, high) = ends(&replicates, self.confidence, acceleration);
        Ok(Interval { estimate, low, high, confidence: self.confidence })
    }

    /// The figure of the rows as they are, and of each replicate for which it is defined.
    pub(super) fn replicates_of(
        &self,
        rows: usize,
        statistic: &(impl Fn(&[u32]) -> Option<f64> + Send + Sync),
    ) -> Result<(f64, Vec<f64>), StatsError> {
        check_count("samples", rows, 1)?;
        check_count("replicates", self.replicates, 20)?;
        check_share("confidence", self.confidence)?;
        let defined = |value: &f64| !value.is_nan();
        let undefined = || StatsError::setting("the figure is not defined for these samples");
        let estimate = statistic(&vec![1; rows]).filter(defined).ok_or_else(undefined)?;
        let replicate = |number: usize| statistic(&draw(rows, self.seed, number)).filter(defined);
        let replicates: Vec<f64> = in_parallel(self.replicates, replicate).into_iter().flatten().collect();
        if replicates.len() * 2 <= self.replicates {
            return Err(StatsError::setting(format!(
                "the figure is defined for {} of {} replicates, expected more than half",
                replicates.len(),
                self.replicates
            )));
        }
        Ok((estimate, replicates))
    }
}

/// How often each row is drawn for a replicate.
fn draw(rows: usize, seed: u64, replicate: usize) -> Vec<u32> {
    let mut stream = Stream::new(seed, Purpose::Bootstrap, replicate as u64);
    let mut counts = vec![0; rows];
    for _ in 0..rows {
        counts[stream.below(rows)] += 1;
    }
    counts
}

/// The figure without each part in turn: the rows `part`, `part + parts`, ...
fn left_out(rows: usize, statistic: &(impl Fn(&[u32]) -> Option<f64> + Send + Sync)) -> Vec<f64> {
    let parts = rows.min(JACKKNIFE_PARTS);
    let without = |part: usize| {
        let counts: Vec<u32> = (0..rows).map(|row| u32::from(row % parts != part)).collect();
        statistic(&counts).filter(|value| !value.is_nan())
    };
    in_parallel(parts, without).into_iter().flatten().collect()
}
