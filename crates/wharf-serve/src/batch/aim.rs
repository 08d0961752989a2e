//! Batch size and delay learnt from a promise of latency.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A late batch cuts by this part,
const CUT: f64 = 0.1;
/// one in time raises by this: they balance where one in a hundred is late.
const RAISE: f64 = CUT / 100.0;
/// The part of the target that may be spent on waiting for company.
const MAX_DELAY: f64 = 0.25;

/// Keeps the 99th percentile of latency, from arrival to answer, at a target: size grows by small steps and is cut by
/// large ones, as Clipper does (Crankshaw et al. 2017), but so that a late answer stays the exception. A request may have
/// to wait for a whole run before its own, so that a run may take half of the target (as in Nexus, Shen et al. 2019).
/// Waits in a queue do not count: smaller runs would only make it longer.
pub(crate) struct Aim {
    target: Duration,
    max_rows: usize,
    state: Mutex<State>,
}

struct State {
    rows: f64,
    /// As a part of the target.
    delay: f64,
}

/// What became of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ran {
    pub(crate) rows: usize,
    /// How long the run took.
    pub(crate) elapsed: Duration,
    /// Whether rows of a larger one are cheaper.
    pub(crate) would_gain: bool,
}

impl Aim {
    /// With runs of `max_rows` at first, and nobody waiting for company.
    pub(crate) fn new(target: Duration, max_rows: usize) -> Self {
        Self { target, max_rows, state: Mutex::new(State { rows: max_rows as f64, delay: 0.0 }) }
    }

    /// The most rows of a run, and how long its first may wait for others.
    pub(crate) fn limits(&self) -> (usize, Duration) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.rows as usize, self.target.mul_f64(state.delay))
    }

    /// Learns from a batch.
    pub(crate) fn learn(&self, ran: Ran) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let latency = ran.elapsed.saturating_mul(2).saturating_add(self.target.mul_f64(state.delay));
        if latency > self.target {
            // What was late is cut, not what it could have been.
            let rows = state.rows.min(ran.rows as f64);
            state.rows = (rows * (1.0 - CUT)).max(1.0);
            state.delay *= 1.0 - CUT;
            return;
        }
        let is_full = ran.rows >= state.rows as usize;
        if is_full {
            state.rows = (state.rows * (1.0 + RAISE)).min(self.max_rows as f64);
        } else if ran.would_gain {
            state.delay = (state.delay + MAX_DELAY * RAISE).min(MAX_DELAY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Duration = Duration::from_millis(20);

    #[test]
    fn size_settles_where_one_in_a_hundred_is_late() {
        let aim = Aim::new(TARGET, 64);
        // A millisecond for a row, and now and then much longer.
        let mut late = Vec::new();
        for number in 0..20_000_u64 {
            let rows = aim.limits().0;
            let noise = if number * 7919 % 1000 < 5 { 30 } else { 0 };
            let elapsed = Duration::from_millis(rows as u64 + noise);
            late.push(elapsed * 2 > TARGET);
            aim.learn(Ran { rows, elapsed, would_gain: true });
        }
        let late = late[10_000..].iter().filter(|is_late| **is_late).count();
        assert!((50..=150).contains(&late), "{late} of 10,000");
        assert!((8..=10).contains(&aim.limits().0), "{:?}", aim.limits());
    }

    #[test]
    fn company_is_waited_for_where_it_pays_and_there_is_time() {
        let aim = Aim::new(TARGET, 64);
        let ran = Ran { rows: 2, elapsed: TARGET / 8, would_gain: false };
        (0..100).for_each(|_| aim.learn(ran));
        assert_eq!(aim.limits(), (64, Duration::ZERO));
        (0..5000).for_each(|_| aim.learn(Ran { would_gain: true, ..ran }));
        assert_eq!(aim.limits().1, TARGET.mul_f64(MAX_DELAY));
        aim.learn(Ran { elapsed: TARGET, ..ran });
        assert!(aim.limits().1 < TARGET.mul_f64(MAX_DELAY) && aim.limits().0 == 1);
    }
}
