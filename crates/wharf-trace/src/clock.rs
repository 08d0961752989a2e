//! Moments as times of day.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The system's clock and the steady one, read together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    moment: Instant,
    nanos: u64,
}

impl Clock {
    pub(crate) fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { moment: Instant::now(), nanos: u64::try_from(since.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// Nanoseconds since the epoch at `moment`, which may lie on either side of the reading.
    pub(crate) fn nanos_at(&self, moment: Instant) -> u64 {
        let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let after = nanos(moment.saturating_duration_since(self.moment));
        let before = nanos(self.moment.saturating_duration_since(moment));
        self.nanos.saturating_add(after).saturating_sub(before)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn moments_lie_before_and_after_the_reading() {
        let clock = Clock { moment: Instant::now() + Duration::from_secs(9), nanos: 20_000_000_000 };
        assert_eq!(clock.nanos_at(clock.moment + Duration::from_secs(1)), 21_000_000_000);
        assert_eq!(clock.nanos_at(clock.moment - Duration::from_secs(1)), 19_000_000_000);
    }
}
