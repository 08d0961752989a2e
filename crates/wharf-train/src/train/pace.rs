//! Wall time of steps, and when to tell of them.

use std::time::{Duration, Instant};

/// At most one step event in this time.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// A stopwatch with laps.
pub(super) struct Pace {
    lap: Instant,
    told: Instant,
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { lap: now, told: now }
    }

    /// Seconds since the last lap.
    pub(super) fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let elapsed = now.duration_since(self.lap).as_secs_f64();
        self.lap = now;
        elapsed
    }

    pub(super) fn is_time_to_tell(&mut self) -> bool {
        let due = self.lap.duration_since(self.told) >= TELL_EVERY;
        if due {
            self.told = self.lap;
        }
        due
    }
}
