//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use wharf_infer::{ErrorCode, ServiceError};

use super::clock::{Busy, Clock, Clocked};
use super::reply::ReplyBody;
use super::sniff::{Rewound, first_bytes};
use super::socket::Arrival;
use super::{Edge, Gate, Held, InFlight, RequestBody, Wire, draining};
use crate::Limits;
use crate::grpc::is_stream;

/// How often a client of HTTP/2 is pinged.
const PING_EVERY: Duration = Duration::from_secs(60);
/// A client that does not answer a ping for this long is gone.
const PONG_WITHIN: Duration = Duration::from_secs(20);
/// How much of one request body may be on its way.
const STREAM_WINDOW: u32 = 2 << 20;
/// How much of all request bodies of a connection may be on its way.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// The largest piece of a body.
const FRAME_SIZE: u32 = 256 << 10;
/// How much of one reply is queued below HTTP/2.
const SEND_BUFFER: usize = 256 << 10;
/// How many requests may be taken back before the server has seen them, and how many streams it may itself have to
/// end for what the client did wrong, before the connection is closed ("rapid reset", "made you reset").
const PENDING_RESETS: usize = 20;
const ERROR_RESETS: usize = 128;
/// The most bytes of an HTTP/1 head; its lines count, so it is a little above the limit of the fields.
const HEAD_SLACK: usize = 8 << 10;

/// Both kinds of HTTP, set up once for all connections.
#[derive(Clone)]
pub(super) struct Http {
    one: http1::Builder,
    two: http2::Builder<TokioExecutor>,
}

impl Http {
    /// The settings that `limits` stand for. The clocks of HTTP/1 are the stream's.
    pub(super) fn new(limits: &Limits) -> Self {
        let mut one = http1::Builder::new();
        one.header_read_timeout(None)
            .max_headers(limits.max_headers)
            .max_buf_size(limits.max_header_bytes as usize + HEAD_SLACK);
        let mut two = http2::Builder::new(TokioExecutor::new());
        two.timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PONG_WITHIN)
            .max_concurrent_streams(limits.max_streams_per_connection)
            .max_pending_accept_reset_streams(PENDING_RESETS)
            .max_local_error_reset_streams(ERROR_RESETS)
            .max_header_list_size(limits.max_header_bytes)
            .max_send_buf_size(SEND_BUFFER)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_SIZE);
        Self { one, two }
    }
}

/// Serves a connection until either side has had enough.
pub(super) async fn serve<W: Wire>(arrival: Arrival, http: Arc<Http>, wire: W, gate: Gate, edge: Arc<Edge>) {
    let is_tcp = arrival.is_tcp;
    let begun = tokio::select! {
        begun = Box::pin(begin(arrival, &edge)) => begun,
        () = gate.stopped() => return,
    };
    let stream = match begun {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "connection did not begin"),
    };
    let is_http2 = stream.is_http2();
    let clock = Clock::start(is_http2, &edge.limits);
    let stream = TokioIo::new(Clocked::new(stream, Arc::clone(&clock)));
    let entrance = Arc::new(Entrance { wire, gate: gate.clone(), edge, clock, is_tcp });
    // In a box: hyper keeps room for the future of a request on every connection of HTTP/1, also of those that ask nothing.
    let service = service_fn(move |request| Box::pin(Arc::clone(&entrance).answer(request)));
    // Each in a box of its own size: that of HTTP/2 is many times the other.
    match is_http2 {
        true => drive(Box::pin(http.two.serve_connection(stream, service)), gate).await,
        false => drive(Box::pin(http.one.serve_connection(stream, service)), gate).await,
    }
}

/// Goes on with a connection until it ends, is told to, or the server has stopped.
async fn drive<C: GracefulConnection<Error = hyper::Error>>(mut connection: Pin<Box<C>>, gate: Gate) {
    // A connection that comes while the server stops is not told to go before it has asked: its reply says so.
    if !gate.is_closed() {
        tokio::select! {
            biased;
            result = connection.as_mut() => return log_end(result),
            () = gate.closed() => connection.as_mut().graceful_shutdown(),
        }
    }
    tokio::select! {
        result = connection => log_end(result),
        () = gate.stopped() => {}
    }
}

/// Shakes hands where TLS is on, and waits for the first bytes.
async fn begin(arrival: Arrival, edge: &Edge) -> io::Result<Rewound> {
    let mut stream = arrival.stream;
    if let (Some(tls), true) = (&edge.tls, arrival.is_tcp) {
        stream = within(edge.limits.tls_handshake_timeout, tls.accept(stream)).await?;
    }
    within(edge.limits.header_read_timeout, first_bytes(stream)).await
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(time, work).await?
}

/// Where the requests of a connection come in.
struct Entrance<W> {
    wire: W,
    gate: Gate,
    edge: Arc<Edge>,
    clock: Arc<Clock>,
    is_tcp: bool,
}

impl<W: Wire> Entrance<W> {
    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<ReplyBody>, Infallible> {
        let version = request.version();
        let busy = self.clock.enter();
        // Until there is an answer: what was received is computed with.
        let held = self.edge.holdings.enter(is_stream(request.uri().path()));
        let body =
            |body| RequestBody::new(body, &self.edge.limits, Arc::clone(&self.clock), Arc::clone(&held));
        let request = request.map(body);
        let in_flight = match self.admit(&request, &held) {
            Ok(in_flight) => in_flight,
            Err(error) => return Ok(self.refused(&error, version, busy)),
        };
        let (head, body) = self.wire.answer(request).await.into_parts();
        drop(held);
        let (body, there) = ReplyBody::new(body, in_flight);
        if !self.clock.has_room_for(there) {
            return Ok(self.refused(&too_much_unread(), version, busy));
        }
        Ok(Response::from_parts(head, body.counted(busy, there)))
    }

    /// Lets a request in that is for this server, unless it stops.
    fn admit(&self, request: &Request<RequestBody>, held: &Held) -> Result<Option<InFlight>, ServiceError> {
        if let (Some(hosts), true) = (&self.edge.hosts, self.is_tcp) {
            hosts.check(request)?;
        }
        if !self.clock.has_room_for(0) {
            return Err(too_much_unread());
        }
        let length = request.body().size_hint().lower();
        // A longer one is refused for its own length.
        if length <= self.edge.limits.max_body_bytes as u64 {
            held.check(length)?;
        }
        let in_flight = self.gate.enter().ok_or_else(draining)?;
        // Watching health or asking for descriptors is no work to wait for: such streams last as long as the
        // connection.
        Ok((!request.uri().path().starts_with("/grpc.")).then_some(in_flight))
    }

    fn refused(&self, error: &ServiceError, version: Version, busy: Busy) -> Response<ReplyBody> {
        let mut response = self.wire.refused(error);
        if version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| {
            let (body, there) = ReplyBody::new(body, None);
            body.counted(busy, there)
        })
    }
}

/// What a client is told that asks for more while it does not take what it asked for before.
fn too_much_unread() -> ServiceError {
    ServiceError::new(
        ErrorCode::Overloaded,
        "too much of earlier replies waits on this connection to be read",
    )
}

fn log_end(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended badly");
    }
}
