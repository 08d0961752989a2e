//! One accept loop for every wire: the same limits, the same drain.

mod accept;
mod body;
mod connection;
mod gate;
mod sniff;

pub(crate) use accept::Listener;
pub(crate) use body::RequestBody;
pub(crate) use gate::{Gate, InFlight};

use http::{Request, Response};
use tonic::body::Body;

/// What a listener serves: any wire, as long as it answers requests.
pub(crate) trait Wire: Clone + Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Body>> + Send;

    /// The reply to requests that come while the server stops.
    fn draining(&self) -> Response<Body>;
}
