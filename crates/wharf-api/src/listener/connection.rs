//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;

use super::body::ReplyBody;
use super::sniff::{Rewound, first_bytes};
use super::stream::Stream;
use super::{Edge, Gate, RequestBody, Wire, draining};
use crate::Limits;

/// A client that does not answer a ping for this long is gone.
const PING_EVERY: Duration = Duration::from_secs(60);
/// How much of one request body may be on its way.
const STREAM_WINDOW: u32 = 2 << 20;
/// How much of all request bodies of a connection may be on its way.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// The largest piece of a body.
const FRAME_SIZE: u32 = 256 << 10;
/// The most bytes of an HTTP/1 head; its lines count, so it is a little above the limit of the fields.
const HEAD_SLACK: usize = 8 << 10;

/// The HTTP settings that `limits` stand for.
pub(super) fn http(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .max_headers(limits.max_headers)
        .max_buf_size(limits.max_header_bytes as usize + HEAD_SLACK);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .max_concurrent_streams(limits.max_streams_per_connection)
        .max_header_list_size(limits.max_header_bytes)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_SIZE);
    builder
}

/// Serves a connection until either side has had enough.
pub(super) async fn serve<W: Wire>(
    stream: TcpStream,
    http: Builder<TokioExecutor>,
    wire: W,
    gate: Gate,
    edge: Arc<Edge>,
) {
    let begun = tokio::select! {
        begun = begin(stream, &edge) => begun,
        () = gate.stopped() => return,
    };
    let stream = match begun {
        Ok(stream) => stream,
        Err(error) => return tracing::debug!(%error, "connection did not begin"),
    };
    let state = (wire, gate.clone(), edge);
    let service = service_fn(move |request| answer(request, state.clone()));
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
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
async fn begin(stream: TcpStream, edge: &Edge) -> io::Result<Rewound> {
    // Small replies must not wait for more to say; where the option fails, they are merely slower.
    let _ = stream.set_nodelay(true);
    let mut stream: Stream = Box::new(stream);
    if let Some(tls) = &edge.tls {
        stream = within(edge.limits.tls_handshake_timeout, tls.accept(stream)).await?;
    }
    within(edge.limits.header_read_timeout, first_bytes(stream)).await
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(time, work).await?
}

async fn answer<W: Wire>(
    request: Request<Incoming>,
    (wire, gate, edge): (W, Gate, Arc<Edge>),
) -> Result<Response<ReplyBody>, Infallible> {
    let version = request.version();
    let Some(in_flight) = gate.enter() else {
        let mut response = wire.refused(&draining());
        if version < Version::HTTP_2 {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        return Ok(response.map(|body| ReplyBody::new(body, None)));
    };
    // Watching health or asking for descriptors is no work to wait for: such streams last as long as the
    // connection.
    let path = request.uri().path();
    let in_flight = (!path.starts_with("/grpc.")).then_some(in_flight);
    let response = wire.answer(request.map(|body| RequestBody::new(body, &edge.limits))).await;
    Ok(response.map(|body| ReplyBody::new(body, in_flight)))
}

fn log_end(result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = result {
        tracing::debug!(error = error.as_ref(), "connection ended badly");
    }
}
