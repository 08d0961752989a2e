//! Until when an answer is of use.

use std::time::{Duration, Instant};

/// The moment after which nobody waits for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No limit.
    pub const NONE: Deadline = Deadline(None);

    /// `timeout` from now. A timeout too long for the clock is no limit.
    pub fn after(timeout: Duration) -> Self {
        Self(Instant::now().checked_add(timeout))
    }

    /// The moment itself, where there is one.
    pub fn instant(self) -> Option<Instant> {
        self.0
    }

    /// Whether it has passed.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|moment| moment <= Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_timeouts_are_no_limit() {
        assert_eq!(Deadline::after(Duration::MAX), Deadline::NONE);
        assert!(!Deadline::NONE.has_passed());
        assert!(Deadline::after(Duration::ZERO).has_passed());
    }
}
