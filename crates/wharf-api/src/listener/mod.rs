//! One accept loop for every wire: the same limits, the same drain.

mod accept;
mod body;
mod clock;
mod connection;
mod gate;
mod held;
mod hosts;
mod reply;
mod sniff;
mod socket;
mod stream;
mod tls;

pub(crate) use accept::Listener;
pub(crate) use body::RequestBody;
pub(crate) use gate::{Gate, InFlight};
pub(crate) use held::{Held, Holdings};
pub(crate) use hosts::Hosts;
pub(crate) use socket::{Socket, SocketFile};
pub(crate) use tls::{Tls, read_ssl_config};
pub use tls::{TlsConfig, TlsError, TlsFiles};

use std::sync::Arc;

use http::{Request, Response};
use tokio::sync::Semaphore;
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};

use crate::Limits;

/// What a listener serves: any wire, as long as it answers requests.
pub(crate) trait Wire: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Body>> + Send;

    /// The reply to a request that the wire does not get to see.
    fn refused(&self, error: &ServiceError) -> Response<Body>;
}

/// What all listeners of a server hold their clients to.
#[derive(Debug)]
pub(crate) struct Edge {
    pub(crate) limits: Arc<Limits>,
    /// Slots for connections.
    pub(crate) slots: Arc<Semaphore>,
    /// What bodies of requests take of the memory.
    pub(crate) holdings: Arc<Holdings>,
    /// TLS for what comes over a network; `None` takes plain bytes.
    pub(crate) tls: Option<Tls>,
    /// The names that requests over a network may be for; `None` takes every name.
    pub(crate) hosts: Option<Hosts>,
}

/// What requests are told while the server stops.
fn draining() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the server is shutting down")
}
