//! Up to how many rows runs pay.
//!
//! Joining saves what a run costs beyond its rows. Where that is nothing, a larger run is slower for each of its rows:
//! its values no longer fit the caches. MobileNetV2 on two threads does 94 rows a second one by one and 56 by eight.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Sizes are told apart by powers of two, up to 2048 rows.
const SIZES: usize = 12;
/// How often a size has to have run before it counts.
const ENOUGH: u32 = 4;
/// A larger size has to be cheaper by this part: as cheap and smaller is answered sooner.
const GAIN: f64 = 0.05;
/// Every so many runs another size is tried, the next larger and the next smaller in turn: what pays may change.
const TRY_EVERY: u64 = 16;

/// What rows cost in runs of each size, learnt from the runs so far.
#[derive(Default)]
pub(crate) struct RunSizes(Mutex<State>);

#[derive(Default)]
struct State {
    sizes: [Size; SIZES],
    runs: u64,
}

#[derive(Clone, Copy, Default)]
struct Size {
    runs: u32,
    /// For each element, a moving average: rows may be of different lengths.
    picos: f64,
}

impl RunSizes {
    /// Learns from a run.
    pub(crate) fn learn(&self, rows: usize, elements: usize, elapsed: Duration) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.runs += 1;
        let picos = elapsed.as_secs_f64() * 1e12 / elements.max(1) as f64;
        let size = &mut state.sizes[index_of(rows)];
        size.picos = if size.runs == 0 { picos } else { size.picos + (picos - size.picos) / 8.0 };
        size.runs = size.runs.saturating_add(1);
    }

    /// The most rows that the next run should have, of `limit` at most.
    pub(crate) fn max_rows(&self, limit: usize) -> usize {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.best().map_or(limit, |best| limit.min(1 << state.tried(best)))
    }

    /// Whether runs of more rows than these are known to be cheaper for each row.
    pub(crate) fn would_gain(&self, rows: usize) -> bool {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.best().is_some_and(|best| best > index_of(rows))
    }
}

impl State {
    /// The smallest size that costs about as little as the cheapest; `None` while only one is known.
    fn best(&self) -> Option<usize> {
        let known = || self.sizes.iter().enumerate().filter(|(_, size)| size.runs >= ENOUGH);
        let cheapest = known().map(|(_, size)| size.picos).min_by(f64::total_cmp)?;
        let best = known().find(|(_, size)| size.picos * (1.0 - GAIN) <= cheapest)?;
        (known().count() > 1).then_some(best.0)
    }

    fn tried(&self, best: usize) -> usize {
        match (self.runs % TRY_EVERY, self.runs / TRY_EVERY % 2) {
            (0, 0) => (best + 1).min(SIZES - 1),
            (0, _) => best.saturating_sub(1),
            _ => best,
        }
    }
}

/// 0 for one row, 1 for two, 2 for three and four.
fn index_of(rows: usize) -> usize {
    let bits = usize::BITS - rows.max(1).saturating_sub(1).leading_zeros();
    (bits as usize).min(SIZES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a row, in a run of so many.
    type Cost = fn(usize) -> u64;

    /// Has a queue that is always full run `count` times, where each row costs what `cost` says of the rows in a run.
    fn run(sizes: &RunSizes, count: usize, cost: impl Fn(usize) -> u64) -> Vec<usize> {
        let run = |_| {
            let rows = sizes.max_rows(32);
            sizes.learn(rows, rows * 10, Duration::from_micros(cost(rows) * rows as u64));
            rows
        };
        (0..count).map(run).collect()
    }

    fn share(rows: &[usize], size: usize) -> f64 {
        rows.iter().filter(|rows| **rows == size).count() as f64 / rows.len() as f64
    }

    #[test]
    fn rows_are_joined_as_far_as_it_pays_and_other_sizes_tried_now_and_then() {
        let cases: [(Cost, usize); 4] = [
            // Larger is always cheaper; is dearer; no cheaper; cheapest at eight.
            (|rows| 100 + 1000 / rows as u64, 32),
            (|rows| 100 + rows as u64 * 10, 1),
            (|_| 100, 1),
            (|rows| 100 + 1000 / rows as u64 + rows as u64 * 15, 8),
        ];
        for (cost, expected) in cases {
            let sizes = RunSizes::default();
            // Some that come alone.
            (0..ENOUGH).for_each(|_| sizes.learn(1, 10, Duration::from_micros(cost(1))));
            run(&sizes, 400, cost);
            let rows = run(&sizes, 320, cost);
            assert!(share(&rows, expected) >= 0.9, "{expected}: {rows:?}");
            assert_eq!(sizes.would_gain(4), expected > 4);
        }
    }

    #[test]
    fn what_pays_may_change() {
        let sizes = RunSizes::default();
        (0..ENOUGH).for_each(|_| sizes.learn(1, 10, Duration::from_micros(1100)));
        run(&sizes, 400, |rows| 100 + 1000 / rows as u64);
        run(&sizes, 4000, |rows| 100 + rows as u64 * 50);
        assert!(share(&run(&sizes, 160, |rows| 100 + rows as u64 * 50), 1) >= 0.9);
    }

    #[test]
    fn nothing_is_held_back_before_two_sizes_are_known() {
        let sizes = RunSizes::default();
        assert_eq!((sizes.max_rows(32), sizes.would_gain(1)), (32, false));
        (0..100).for_each(|_| sizes.learn(1, 10, Duration::from_micros(1)));
        assert_eq!(sizes.max_rows(32), 32);
        assert_eq!([0, 1, 2, 3, 4, 5, 32, usize::MAX].map(index_of), [0, 0, 1, 2, 2, 3, 5, SIZES - 1]);
    }
}
