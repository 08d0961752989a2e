//! Accepting connections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::connection::{Http, serve};
use super::socket::{Arrival, Socket};
use super::{Edge, Gate, Wire};

/// The first pause after a failed accept; it doubles from failure to failure.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A bound port or socket file, and the wire behind it.
pub(crate) struct Listener<W> {
    pub(crate) socket: Socket,
    pub(crate) wire: W,
    pub(crate) gate: Gate,
    pub(crate) edge: Arc<Edge>,
    /// The connections, so that a stop can wait for them.
    pub(crate) connections: TaskTracker,
}

impl<W: Wire> Listener<W> {
    /// Accepts connections until the server has stopped. While it drains they are accepted still, and their
    /// requests answered as unavailable: that tells clients more than a refused connection.
    pub(crate) async fn run(self) {
        let http = Arc::new(Http::new(&self.edge.limits));
        loop {
            let arrival = tokio::select! {
                arrival = self.accept() => arrival,
                () = self.gate.stopped() => return,
            };
            // Taken once there is a connection to use it: a listener that waits for one must not keep the last
            // slot from the others.
            let slot = tokio::select! {
                slot = Arc::clone(&self.edge.slots).acquire_owned() => slot,
                () = self.gate.stopped() => return,
            };
            // The semaphore is never closed; were it, there would be nothing left to accept for.
            let Ok(slot) = slot else { return };
            let (wire, gate) = (self.wire.clone(), self.gate.clone());
            let connection = serve(arrival, Arc::clone(&http), wire, gate, Arc::clone(&self.edge));
            self.connections.spawn(async move {
                connection.await;
                drop(slot);
            });
        }
    }

    /// The next connection. Where none can be had, as when file descriptors run out, it tries again ever more
    /// slowly; it never gives up.
    async fn accept(&self) -> Arrival {
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.socket.accept().await {
                Ok(arrival) => return arrival,
                Err(error) => error,
            };
            if is_of_the_connection(&error) {
                continue;
            }
            tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Whether only the connection that would have come is at fault.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
