//! Ends a run once everybody who waited for it has left.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wharf_engine::StopSignal;

/// What a caller and the run for it share.
#[derive(Default)]
pub(crate) struct Seat(Mutex<State>);

#[derive(Default)]
struct State {
    has_left: bool,
    run: Option<Arc<Company>>,
}

struct Company {
    left: AtomicUsize,
    stop: StopSignal,
}

impl Seat {
    /// Seats everybody in one run, which the signal ends when all have left.
    pub(crate) fn together<'a>(seats: impl ExactSizeIterator<Item = &'a Seat>) -> StopSignal {
        let stop = StopSignal::new();
        let company = Arc::new(Company { left: AtomicUsize::new(seats.len()), stop: stop.clone() });
        for seat in seats {
            let mut state = seat.0.lock().unwrap_or_else(PoisonError::into_inner);
            match state.has_left {
                true => company.leave(),
                false => state.run = Some(Arc::clone(&company)),
            }
        }
        stop
    }

    /// The caller waits no longer.
    pub(crate) fn leave(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.has_left = true;
        let run = state.run.take();
        drop(state);
        if let Some(company) = run {
            company.leave();
        }
    }
}

impl Company {
    fn leave(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.stop.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_to_leave_stops_the_run() {
        let seats = [Seat::default(), Seat::default(), Seat::default()];
        seats[0].leave();
        let stop = Seat::together(seats.iter());
        seats[1].leave();
        seats[1].leave();
        assert!(!stop.is_stopped());
        seats[2].leave();
        assert!(stop.is_stopped());
        assert!(Seat::together(seats.iter()).is_stopped());
    }
}
