//! Who is inside, and whether anybody else may come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::sync::CancellationToken;

/// Counts requests and knows whether the server stops. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<State>);

#[derive(Debug, Default)]
struct State {
    in_flight: AtomicUsize,
    /// Cancelled when new requests are no longer taken.
    draining: CancellationToken,
    /// Cancelled when nothing is waited for any more.
    stopped: CancellationToken,
    /// Woken when the last request leaves.
    empty: tokio::sync::Notify,
}

/// One request inside. Leaves when dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<State>);

impl Gate {
    /// Lets a request in, unless the server stops.
    pub(crate) fn enter(&self) -> Option<InFlight> {
        // Counted before the look, so that whoever closes the gate and then finds nobody inside is right.
        self.0.in_flight.fetch_add(1, Ordering::SeqCst);
        let entered = InFlight(Arc::clone(&self.0));
        (!self.is_closed()).then_some(entered)
    }

    /// Lets nobody in from now on.
    pub(crate) fn close(&self) {
        self.0.draining.cancel();
    }

    /// Whether nobody is let in any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Ends every wait.
    pub(crate) fn stop(&self) {
        self.0.stopped.cancel();
    }

    /// Returns when the gate is closed.
    pub(crate) async fn closed(&self) {
        self.0.draining.cancelled().await;
    }

    /// Returns when nothing is waited for any more.
    pub(crate) async fn stopped(&self) {
        self.0.stopped.cancelled().await;
    }

    /// Returns when nobody is inside.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.0.empty.notified();
            if self.0.in_flight.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn empties_when_the_last_request_leaves_and_lets_none_in_after_closing() {
        let gate = Gate::default();
        let first = gate.enter().unwrap();
        gate.close();
        assert!(gate.enter().is_none());
        let mut waiting = std::pin::pin!(gate.empty());
        let early = tokio::time::timeout(std::time::Duration::ZERO, waiting.as_mut()).await;
        assert!(early.is_err(), "a request is inside");
        drop(first);
        waiting.await;
    }
}
