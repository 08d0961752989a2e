//! Starting and stopping the listeners.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use wharf_infer::{ErrorCode, ServiceError};
use wharf_serve::ModelManager;

use crate::grpc::{GrpcService, Health, refused};
use crate::listener::{Gate, Listener, RequestBody, Wire};
use crate::tfs::rest::RestService;
use crate::tfs::{Backend, TensorEncoding};
use crate::{ApiConfig, Limits};

/// After the last reply, how long connections may take to close in good order.
const CLOSING_TIME: Duration = Duration::from_millis(500);

/// The listeners and the wires behind them.
#[derive(Debug)]
pub struct ApiServer;

/// A port that could not be opened.
#[derive(Debug)]
pub struct BindError {
    address: SocketAddr,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot listen on {}", self.address)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// A running server. Dropping it leaves the server running until the runtime ends; [`ApiHandle::shutdown`]
/// stops it in good order.
#[derive(Debug)]
pub struct ApiHandle {
    grpc_address: Option<SocketAddr>,
    rest_address: Option<SocketAddr>,
    gate: Gate,
    health: Health,
    connections: TaskTracker,
    listeners: TaskTracker,
}

impl ApiServer {
    /// Opens the ports of `config` and serves `manager` on them. Returns once connections are accepted.
    ///
    /// # Errors
    /// A port cannot be opened; then none is.
    pub async fn bind(config: ApiConfig, manager: ModelManager) -> Result<ApiHandle, BindError> {
        let grpc = open(&config, config.grpc_port).await?;
        let rest = open(&config, config.rest_port).await?;
        let address = |socket: &Option<TcpListener>| socket.as_ref()?.local_addr().ok();
        let health = Health::default();
        health.set(true).await;
        let handle = ApiHandle {
            grpc_address: address(&grpc),
            rest_address: address(&rest),
            gate: Gate::default(),
            health,
            connections: TaskTracker::new(),
            listeners: TaskTracker::new(),
        };
        let limits = Arc::new(config.limits);
        let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        let encoding = match config.tensor_content_replies {
            true => TensorEncoding::Content,
            false => TensorEncoding::Values,
        };
        let backend = Backend::new(manager, Arc::clone(&limits), encoding);
        if let Some(socket) = grpc {
            handle.listen(socket, GrpcService::new(&backend, &handle.health, &limits), &limits, &slots);
        }
        if let Some(socket) = rest {
            handle.listen(socket, RestService::new(backend, config.rest_timeout), &limits, &slots);
        }
        Ok(handle)
    }
}

async fn open(config: &ApiConfig, port: Option<u16>) -> Result<Option<TcpListener>, BindError> {
    let Some(port) = port else { return Ok(None) };
    let address = SocketAddr::new(config.bind, port);
    TcpListener::bind(address).await.map(Some).map_err(|source| BindError { address, source })
}

impl ApiHandle {
    /// Where gRPC is served.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc_address
    }

    /// Where TensorFlow Serving's REST interface is served.
    pub fn rest_address(&self) -> Option<SocketAddr> {
        self.rest_address
    }

    fn listen<W: Wire>(&self, socket: TcpListener, wire: W, limits: &Arc<Limits>, slots: &Arc<Semaphore>) {
        let listener = Listener {
            socket,
            wire,
            gate: self.gate.clone(),
            limits: Arc::clone(limits),
            slots: Arc::clone(slots),
            connections: self.connections.clone(),
        };
        self.listeners.spawn(listener.run());
    }

    /// Stops: requests under way are finished, new ones are answered as unavailable, connections are told to go
    /// away; then the ports are closed. What has not finished after `patience` is cut off. Says whether all
    /// could be finished.
    pub async fn shutdown(self, patience: Duration) -> bool {
        self.health.set(false).await;
        self.gate.close();
        let finished = tokio::time::timeout(patience, self.gate.empty()).await.is_ok();
        self.connections.close();
        if finished {
            // Clients that keep their connection open have had their answers; they are not waited for longer.
            let _ = tokio::time::timeout(CLOSING_TIME.min(patience), self.connections.wait()).await;
        }
        self.gate.stop();
        self.listeners.close();
        self.listeners.wait().await;
        self.connections.wait().await;
        finished
    }
}

/// What requests are told while the server stops.
fn draining() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the server is shutting down")
}

impl Wire for GrpcService {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Body>> + Send {
        GrpcService::answer(self, request)
    }

    fn draining(&self) -> Response<Body> {
        refused(&draining())
    }
}

impl Wire for RestService {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Body>> + Send {
        RestService::answer(self, request)
    }

    fn draining(&self) -> Response<Body> {
        RestService::failure(&draining())
    }
}
