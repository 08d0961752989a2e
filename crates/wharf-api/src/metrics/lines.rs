//! How many lines the log is given in a second: whoever floods a server with bad requests must not fill its disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines in a second.
const BUDGET: u32 = 1000;
const SECOND: Duration = Duration::from_secs(1);

/// Counts the lines of the running second.
#[derive(Debug, Default)]
pub(super) struct LineBudget(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    written: u32,
    left_out: u64,
}

impl LineBudget {
    /// Leave to write a line, and how many were left out since the one before; `None` leaves out this one.
    pub(super) fn take(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.since.is_none_or(|since| now.saturating_duration_since(since) >= SECOND) {
            (state.since, state.written) = (Some(now), 0);
        }
        if state.written == BUDGET {
            state.left_out += 1;
            return None;
        }
        state.written += 1;
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_its_lines_and_the_next_says_how_many_were_left_out() {
        let (budget, start) = (LineBudget::default(), Instant::now());
        for _ in 0..BUDGET {
            assert_eq!(budget.take(start), Some(0));
        }
        assert_eq!(budget.take(start), None);
        assert_eq!(budget.take(start + SECOND / 2), None);
        assert_eq!(budget.take(start + SECOND), Some(2));
        assert_eq!(budget.take(start + SECOND), Some(0));
    }
}
