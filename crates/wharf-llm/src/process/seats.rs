//! Which requests a worker has, and what ends them.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use wharf_infer::language::Ticket;

/// The requests of a worker.
#[derive(Default)]
pub(super) struct Seats {
    state: Mutex<State>,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    /// Those with the model have their tickets.
    seats: HashMap<u64, Option<Ticket>>,
    /// Tickets of requests that are answered. They end nothing, but are dropped outside of the engine's call.
    spent: Vec<Ticket>,
}

impl Seats {
    /// A request was read.
    pub(super) fn take(&self, id: u64) {
        self.state().seats.insert(id, None);
        self.taken.notify_all();
    }

    /// The model has it. Where it is answered by now, the ticket is dropped.
    pub(super) fn run(&self, id: u64, ticket: Ticket) {
        match self.state().seats.get_mut(&id) {
            Some(seat) => *seat = Some(ticket),
            None => drop(ticket),
        }
    }

    /// It is answered. Called from the model's thread, and drops nothing of the model's.
    pub(super) fn end(&self, id: u64) {
        let mut state = self.state();
        if let Some(Some(ticket)) = state.seats.remove(&id) {
            state.spent.push(ticket);
        }
    }

    /// It is not wanted any more.
    pub(super) fn cancel(&self, id: u64) {
        let seat = self.state().seats.remove(&id);
        drop(seat);
    }

    /// Drops the tickets of what is answered, and says whether there are requests.
    pub(super) fn sweep(&self) -> bool {
        let mut state = self.state();
        let (spent, is_busy) = (std::mem::take(&mut state.spent), !state.seats.is_empty());
        drop(state);
        drop(spent);
        is_busy
    }

    /// Waits until there is a request.
    pub(super) fn rest(&self) {
        let waited = self.taken.wait_while(self.state(), |state| state.seats.is_empty());
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for `time`.
    pub(super) fn pause(&self, time: Duration) {
        let waited = self.taken.wait_timeout_while(self.state(), time, |_| true);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn tickets_go_when_requests_are_ended_or_cancelled() {
        let (seats, dropped) = (Seats::default(), Arc::new(AtomicUsize::new(0)));
        let ticket = || {
            let dropped = Arc::clone(&dropped);
            Ticket::new(move || {
                dropped.fetch_add(1, Ordering::SeqCst);
            })
        };
        seats.take(1);
        seats.run(1, ticket());
        seats.end(1);
        assert_eq!(dropped.load(Ordering::SeqCst), 0, "not on the model's thread");
        assert!(!seats.sweep());
        assert_eq!(dropped.load(Ordering::SeqCst), 1);
        seats.take(2);
        seats.run(2, ticket());
        assert!(seats.sweep());
        seats.cancel(2);
        assert_eq!(dropped.load(Ordering::SeqCst), 2);
        // Answered before the model gave its ticket.
        seats.take(3);
        seats.end(3);
        seats.run(3, ticket());
        assert_eq!(dropped.load(Ordering::SeqCst), 3);
        seats.cancel(4);
        assert!(!seats.sweep());
    }
}
