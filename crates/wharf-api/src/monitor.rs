//! Metrics and probes, on a port of their own and beside the protocols.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use http::header::{ACCEPT, HeaderName, VARY};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use wharf_infer::ServiceError;
use wharf_metrics::{Registry, protobuf, text};
use wharf_serve::ModelManager;

use crate::Limits;
use crate::listener::{Edge, Gate, Holdings, Listener, RequestBody, Wire};
use crate::rest::{Failure, reply};

/// Where the metrics are on their own port.
const METRICS_PATH: &str = "/metrics";
/// Connections to the port: scrapers and probes are few.
const MAX_CONNECTIONS: usize = 64;
/// Bytes that a request may have: none of them has a body.
const MAX_BODY: usize = 4096;
/// Bytes that all of them may hold together.
const MAX_HELD: usize = MAX_BODY * MAX_CONNECTIONS;
const PLAIN: &str = "text/plain";
const NO_SNIFFING: (HeaderName, HeaderValue) =
    (http::header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// Answers requests for metrics and probes.
#[derive(Clone)]
pub(crate) struct Monitor {
    registry: Registry,
    manager: ModelManager,
    /// Of the protocols: closed while the server drains.
    gate: Gate,
    metrics_path: Option<Arc<str>>,
}

impl Monitor {
    /// Answers probes alone.
    pub(crate) fn new(registry: &Registry, manager: &ModelManager, gate: &Gate) -> Self {
        let (registry, manager, gate) = (registry.clone(), manager.clone(), gate.clone());
        Self { registry, manager, gate, metrics_path: None }
    }

    /// Answers with metrics under this path, where there is one.
    #[must_use]
    pub(crate) fn with_metrics_at(mut self, path: Option<String>) -> Self {
        self.metrics_path = path.map(Arc::from);
        self
    }

    /// The answer, where the path is one of metrics or probes.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        match request.uri().path() {
            "/healthz" => Some(probe(true)),
            "/readyz" => Some(probe(!self.gate.is_closed() && self.manager.is_ready())),
            path if Some(path) == self.metrics_path.as_deref() => Some(self.metrics(request.headers())),
            _ => None,
        }
    }

    fn metrics(&self, headers: &HeaderMap) -> Response<Body> {
        let families = self.registry.gather();
        let mut accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut response = match accepted.any(protobuf::is_wanted) {
            true => reply(StatusCode::OK, protobuf::CONTENT_TYPE, protobuf::encode(&families).into()),
            false => reply(StatusCode::OK, text::CONTENT_TYPE, text::encode(&families).into()),
        };
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
        response.headers_mut().extend([NO_SNIFFING]);
        response
    }
}

fn probe(is_good: bool) -> Response<Body> {
    match is_good {
        true => reply(StatusCode::OK, PLAIN, "ok\n".into()),
        false => reply(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "not ready\n".into()),
    }
}

/// The wire of the port of metrics and probes.
#[derive(Clone)]
struct MonitorWire(Monitor);

impl Wire for MonitorWire {
    async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let answer = self.0.answer(&request);
        answer.unwrap_or_else(|| reply(StatusCode::NOT_FOUND, PLAIN, "not found\n".into()))
    }

    fn refused(&self, error: &ServiceError) -> Response<Body> {
        Failure::from(error.clone()).into_response(http::Version::HTTP_2)
    }
}

/// The port of metrics and probes, with a thread of its own: it answers however busy the others are, and while the
/// server drains.
#[derive(Debug)]
pub(crate) struct MonitorThread {
    gate: Gate,
    thread: JoinHandle<()>,
}

impl MonitorThread {
    /// Serves on `socket`, with the TLS and the names of the server, until stopped.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(crate) fn start(socket: TcpListener, monitor: Monitor, server: &Edge) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        // A socket belongs to the runtime that waits for it.
        let socket = socket.into_std()?;
        let gate = Gate::default();
        let wire = MonitorWire(monitor.with_metrics_at(Some(METRICS_PATH.to_owned())));
        let limits = Arc::new(Limits { max_body_bytes: MAX_BODY, ..Limits::default() });
        let (tls, hosts) = (server.tls.clone(), server.hosts.clone());
        let (slots, holdings) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Holdings::new(MAX_HELD));
        let edge = Arc::new(Edge { limits, slots, holdings, tls, hosts });
        let stops = gate.clone();
        let thread = thread::Builder::new().name("wharf-monitor".to_owned()).spawn(move || {
            runtime.block_on(async move {
                let socket = match TcpListener::from_std(socket) {
                    Ok(socket) => socket.into(),
                    Err(error) => return tracing::error!(%error, "metrics are not served"),
                };
                let connections = TaskTracker::new();
                Listener { socket, wire, gate: stops, edge, connections }.run().await;
            });
        })?;
        Ok(Self { gate, thread })
    }

    /// Stops and waits until the port is closed.
    pub(crate) async fn stop(self) {
        self.gate.close();
        self.gate.stop();
        // It panics nowhere; if it did, it would have ended too.
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}
