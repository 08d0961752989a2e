//! A client that does nothing wrong and must never notice what goes on beside it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::grpc::Caller;
use crate::http::{Manner, exchange};
use crate::reply::Reply;
use crate::row::{Port, Row, RowFile};
use crate::server::Server;

/// Twenty times a second.
const EVERY: Duration = Duration::from_millis(50);
/// What takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Calls the model `canary` over REST and over gRPC until it is asked what became of it.
pub(crate) struct Canary {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    task: JoinHandle<Vec<String>>,
}

impl Canary {
    #[expect(clippy::disallowed_methods, reason = "`end` waits for it")]
    pub(crate) async fn start(server: &Server) -> Self {
        let (stop, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let [rest, grpc]: [Row; 2] = RowFile::read("canary").row.try_into().ok().unwrap();
        let address = server.address(Port::Tfs);
        let mut caller = Caller::connect(&server.address(Port::Grpc)).await;
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&calls));
        let task = tokio::spawn(async move {
            let mut failures = Vec::new();
            let mut ticks = tokio::time::interval(EVERY);
            while !stopped.load(Ordering::Relaxed) {
                ticks.tick().await;
                let request = crate::http::request(&rest, "", &rest.body.bytes(""));
                let message = grpc.message.bytes("");
                let over_rest = timeout(PATIENCE, exchange(&address, &request, Manner::default()));
                let over_grpc = timeout(PATIENCE, caller.call(&grpc, "", &message));
                let (over_rest, over_grpc) = tokio::join!(over_rest, over_grpc);
                for (row, reply) in [(&rest, over_rest), (&grpc, over_grpc)] {
                    let reply = reply.unwrap_or_else(|_| Reply::Nothing("too late".to_owned()));
                    failures.extend(reply.fault(row));
                }
                counted.fetch_add(2, Ordering::Relaxed);
            }
            failures
        });
        Self { stop, calls, task }
    }

    /// Stops it: how many calls there were, and which failed.
    pub(crate) async fn end(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        let failures = self.task.await.unwrap();
        (self.calls.load(Ordering::Relaxed), failures)
    }
}
