//! Connections to the server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::outcome::{Outcome, Reply};
use crate::{Call, LoadError};

/// How much of a reply may be on its way; as servers grant for requests.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// What is said of a refusal is kept to this length.
const MAX_TEXT: usize = 300;

/// Connections to one server, opened beforehand.
pub(crate) struct Connections {
    server: String,
    kind: Kind,
    /// Drive the connections; dropping them ends those.
    drivers: Mutex<JoinSet<()>>,
}

enum Kind {
    /// One request at a time on each: a request takes a connection out and puts it back.
    One { idle: Mutex<Vec<http1::SendRequest<Full<Bytes>>>>, permits: Semaphore },
    /// Any number of requests on each: requests take them in turn.
    Two { senders: Vec<http2::SendRequest<Full<Bytes>>>, next: AtomicUsize },
}

impl Connections {
    /// Opens `count` connections, for gRPC or for plain HTTP/1.
    pub(crate) async fn open(server: &str, is_grpc: bool, count: usize) -> Result<Arc<Self>, LoadError> {
        let mut drivers = JoinSet::new();
        let kind = if is_grpc {
            let mut senders = Vec::with_capacity(count);
            for _ in 0..count {
                senders.push(open_two(server, &mut drivers).await?);
            }
            Kind::Two { senders, next: AtomicUsize::new(0) }
        } else {
            let mut idle = Vec::with_capacity(count);
            for _ in 0..count {
                idle.push(open_one(server, &mut drivers).await?);
            }
            Kind::One { idle: Mutex::new(idle), permits: Semaphore::new(count) }
        };
        Ok(Arc::new(Self { server: server.to_owned(), kind, drivers: Mutex::new(drivers) }))
    }

    /// Asks, and says when the request was sent: it may first have waited for a connection.
    pub(crate) async fn ask(&self, call: &Call) -> (Instant, Reply) {
        match &self.kind {
            Kind::One { idle, permits } => {
                // The semaphore is never closed.
                let _permit = permits.acquire().await;
                let sent = Instant::now();
                (sent, self.ask_one(idle, call).await)
            }
            Kind::Two { senders, next } => {
                let sent = Instant::now();
                let turn = next.fetch_add(1, Ordering::Relaxed) % senders.len().max(1);
                match senders.get(turn) {
                    Some(sender) => {
                        let answer = sender.clone().send_request(request(&self.server, call)).await;
                        (sent, read_grpc(answer).await)
                    }
                    None => (sent, Reply::broken("there is no connection")),
                }
            }
        }
    }

    async fn ask_one(&self, idle: &Mutex<Vec<http1::SendRequest<Full<Bytes>>>>, call: &Call) -> Reply {
        let taken = lock(idle).pop();
        let opened = match taken {
            Some(sender) if !sender.is_closed() => Ok(sender),
            // The server may close a connection that it has kept long enough.
            _ => self.reopen().await,
        };
        let mut sender = match opened {
            Ok(sender) => sender,
            Err(error) => return Reply::broken(error),
        };
        let reply = match sender.ready().await {
            Ok(()) => read_http(sender.send_request(request(&self.server, call)).await).await,
            Err(error) => Reply::broken(error),
        };
        lock(idle).push(sender);
        reply
    }

    async fn reopen(&self) -> Result<http1::SendRequest<Full<Bytes>>, LoadError> {
        let mut opened = JoinSet::new();
        let sender = open_one(&self.server, &mut opened).await?;
        let mut drivers = lock(&self.drivers);
        while drivers.try_join_next().is_some() {}
        drivers.spawn(async move { while opened.join_next().await.is_some() {} });
        Ok(sender)
    }
}

async fn open_one(
    server: &str,
    drivers: &mut JoinSet<()>,
) -> Result<http1::SendRequest<Full<Bytes>>, LoadError> {
    let stream = connect(server).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| LoadError::unreachable(server, error))?;
    // Its error also ends the request that is under way, which reports it.
    drivers.spawn(async move { drop(connection.await) });
    Ok(sender)
}

async fn open_two(
    server: &str,
    drivers: &mut JoinSet<()>,
) -> Result<http2::SendRequest<Full<Bytes>>, LoadError> {
    let stream = connect(server).await?;
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| LoadError::unreachable(server, error))?;
    drivers.spawn(async move { drop(connection.await) });
    Ok(sender)
}

async fn connect(server: &str) -> Result<TcpStream, LoadError> {
    let stream = TcpStream::connect(server).await.map_err(|error| LoadError::unreachable(server, error))?;
    stream.set_nodelay(true).map_err(|error| LoadError::unreachable(server, error))?;
    Ok(stream)
}

fn request(server: &str, call: &Call) -> Request<Full<Bytes>> {
    let uri = if call.is_grpc { format!("http://{server}{}", call.path) } else { call.path.clone() };
    let mut builder = Request::post(uri);
    if !call.is_grpc {
        builder = builder.header(HOST, server);
    }
    for (name, value) in &call.headers {
        builder = builder.header(*name, value);
    }
    // What cannot be a request was refused when the call was made.
    builder.body(Full::new(call.body.clone())).unwrap_or_default()
}

async fn read_http(answer: hyper::Result<Response<Incoming>>) -> Reply {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Reply::broken(error),
    };
    let status = response.status();
    let body = match response.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Reply::broken(error),
    };
    let outcome = Outcome::of_http(status);
    let text = (outcome != Outcome::Answered)
        .then(|| format!("HTTP {}: {}", status.as_u16(), shortened(&String::from_utf8_lossy(&body))));
    Reply { outcome, text, size_bytes: body.len() }
}

async fn read_grpc(answer: hyper::Result<Response<Incoming>>) -> Reply {
    let response = match answer {
        Ok(response) => response,
        Err(error) => return Reply::broken(error),
    };
    let status = response.status();
    let (head, mut body) = response.into_parts();
    let mut size_bytes = 0;
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => size_bytes += data.len(),
            Ok(Err(frame)) => trailers = frame.into_trailers().ok(),
            Err(error) => return Reply::broken(error),
        }
    }
    // A reply that is only a status has it in its headers.
    let fields = trailers.unwrap_or(head.headers);
    let Some(code) = grpc_code(&fields) else {
        return Reply::broken(format!("HTTP {} without a gRPC status", status.as_u16()));
    };
    let outcome = Outcome::of_grpc(code);
    let text = (outcome != Outcome::Answered).then(|| format!("gRPC {code}: {}", grpc_text(&fields)));
    Reply { outcome, text, size_bytes }
}

fn grpc_code(fields: &HeaderMap) -> Option<u32> {
    fields.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// The status text, percent-encoded as it travels.
fn grpc_text(fields: &HeaderMap) -> String {
    let text =
        fields.get("grpc-message").map(|text| String::from_utf8_lossy(text.as_bytes()).replace("%20", " "));
    shortened(&text.unwrap_or_default())
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
