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
use wharf_infer::ServiceError;
use wharf_serve::ModelManager;

use crate::backend::Backend;
use crate::grpc::{GrpcService, Health, refused};
use crate::http_service::{HttpService, Protocols};
use crate::kserve::KserveService;
use crate::listener::{Edge, Gate, Listener, RequestBody, Tls, Wire};
use crate::metrics::collector;
use crate::monitor::{Monitor, MonitorThread};
use crate::oip::rest::OipRestService;
use crate::oip::{OipBackend, SharedMemory};
use crate::tfs::rest::RestService;
use crate::tfs::{TensorEncoding, TfsBackend};
use crate::trace::Traced;
use crate::{ApiConfig, TlsError};

/// After the last reply, how long connections may take to close in good order.
const CLOSING_TIME: Duration = Duration::from_millis(500);

/// The listeners and the wires behind them.
#[derive(Debug)]
pub struct ApiServer;

/// A server that could not be opened.
#[derive(Debug)]
pub struct BindError {
    what: String,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl BindError {
    fn port(address: SocketAddr, source: io::Error) -> Self {
        Self { what: format!("cannot listen on {address}"), source: source.into() }
    }

    fn tls(source: TlsError) -> Self {
        Self { what: "cannot serve TLS".to_owned(), source: source.into() }
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(self.source.as_ref())
    }
}

/// Where what is served; `None` where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Addresses {
    /// Every gRPC service.
    pub grpc: Option<SocketAddr>,
    /// TensorFlow Serving's REST interface.
    pub rest: Option<SocketAddr>,
    /// Every gRPC service, on the Open Inference Protocol's port.
    pub oip_grpc: Option<SocketAddr>,
    /// The Open Inference Protocol over REST.
    pub oip_rest: Option<SocketAddr>,
    /// KServe's first protocol, with the Open Inference Protocol beside it.
    pub http: Option<SocketAddr>,
    /// Metrics and probes.
    pub metrics: Option<SocketAddr>,
}

/// A running server. Dropping it leaves the server running until the runtime ends; [`ApiHandle::shutdown`]
/// stops it in good order.
#[derive(Debug)]
pub struct ApiHandle {
    addresses: Addresses,
    gate: Gate,
    edge: Arc<Edge>,
    health: Health,
    connections: TaskTracker,
    listeners: TaskTracker,
    monitor: Option<MonitorThread>,
}

impl ApiServer {
    /// Opens the ports of `config` and serves `manager` on them. Returns once connections are accepted.
    ///
    /// # Errors
    /// A port cannot be opened; then none is.
    pub async fn bind(config: ApiConfig, manager: ModelManager) -> Result<ApiHandle, BindError> {
        let tls = config.tls.clone().map(Tls::load).transpose().map_err(BindError::tls)?;
        let mut sockets = Sockets::open(&config).await?;
        let limits = Arc::new(config.limits.clone());
        let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        let health = Health::default();
        health.set(true).await;
        let mut handle = ApiHandle {
            addresses: sockets.addresses(),
            gate: Gate::default(),
            edge: Arc::new(Edge { limits, slots, tls }),
            health,
            connections: TaskTracker::new(),
            listeners: TaskTracker::new(),
            monitor: None,
        };
        let monitor = Monitor::new(&config.metrics, &manager, &handle.gate);
        if let Some((socket, address)) = sockets.metrics.take().zip(handle.addresses.metrics) {
            let thread = MonitorThread::start(socket, monitor.clone(), handle.edge.tls.clone());
            handle.monitor = Some(thread.map_err(|source| BindError::port(address, source))?);
        }
        handle.serve(sockets, &config, manager, &monitor);
        handle.watch_tls();
        Ok(handle)
    }
}

/// The open ports.
struct Sockets {
    grpc: Option<TcpListener>,
    rest: Option<TcpListener>,
    oip_grpc: Option<TcpListener>,
    oip_rest: Option<TcpListener>,
    http: Option<TcpListener>,
    metrics: Option<TcpListener>,
}

impl Sockets {
    async fn open(config: &ApiConfig) -> Result<Self, BindError> {
        Ok(Self {
            grpc: open(config, config.grpc_port).await?,
            rest: open(config, config.rest_port).await?,
            oip_grpc: open(config, config.oip_grpc_port).await?,
            oip_rest: open(config, config.oip_rest_port).await?,
            http: open(config, config.http_port).await?,
            metrics: open(config, config.metrics_port).await?,
        })
    }

    fn addresses(&self) -> Addresses {
        let address = |socket: &Option<TcpListener>| socket.as_ref()?.local_addr().ok();
        Addresses {
            grpc: address(&self.grpc),
            rest: address(&self.rest),
            oip_grpc: address(&self.oip_grpc),
            oip_rest: address(&self.oip_rest),
            http: address(&self.http),
            metrics: address(&self.metrics),
        }
    }
}

async fn open(config: &ApiConfig, port: Option<u16>) -> Result<Option<TcpListener>, BindError> {
    let Some(port) = port else { return Ok(None) };
    let address = SocketAddr::new(config.bind, port);
    TcpListener::bind(address).await.map(Some).map_err(|source| BindError::port(address, source))
}

impl ApiHandle {
    /// Where what is served.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    fn serve(&self, sockets: Sockets, config: &ApiConfig, manager: ModelManager, monitor: &Monitor) {
        let limits = &self.edge.limits;
        let encoding = match config.tensor_content_replies {
            true => TensorEncoding::Content,
            false => TensorEncoding::Values,
        };
        let common = Backend::new(manager, Arc::clone(limits));
        let common = common.with_request_log(config.request_log.clone());
        config.metrics.register(collector(&common.metrics));
        let tfs = TfsBackend::new(common.clone(), encoding);
        let memory = SharedMemory::with_prefix(config.shared_memory_prefix.clone());
        let oip = OipBackend::new(common, memory).with_log_control(config.log_control.clone());
        let oip = oip.with_tracer(config.tracer.clone());
        let grpc = GrpcService::new(&tfs, &oip, &self.health, limits);
        for socket in [sockets.grpc, sockets.oip_grpc].into_iter().flatten() {
            self.listen(socket, Traced::new(grpc.clone(), &config.tracer));
        }
        let timeout = config.rest_timeout;
        let oip = OipRestService::new(oip, timeout);
        let kserve = KserveService::new(tfs.clone(), timeout);
        for (socket, protocols) in [
            (sockets.rest, Protocols::Tfs(RestService::new(tfs, timeout))),
            (sockets.oip_rest, Protocols::Oip(oip.clone())),
            (sockets.http, Protocols::Shared(kserve, oip)),
        ] {
            if let Some(socket) = socket {
                let path = config.rest_metrics_path.clone();
                let monitor = match &protocols {
                    Protocols::Tfs(_) => monitor.clone().with_metrics_at(path),
                    _ => monitor.clone(),
                };
                let service = HttpService { document: protocols.document(), protocols, monitor };
                self.listen(socket, Traced::new(service, &config.tracer));
            }
        }
    }

    /// Reads the TLS files again: for signals that ask for it. Says whether anything was new; without TLS,
    /// nothing is.
    ///
    /// # Errors
    /// The files are new and no good: the old ones stay in use.
    pub async fn reload_tls(&self) -> Result<bool, TlsError> {
        let Some(tls) = self.edge.tls.clone() else { return Ok(false) };
        let reloading = tokio::task::spawn_blocking(move || tls.reload());
        // It does not panic; if it did, nothing would be new.
        reloading.await.unwrap_or(Ok(false))
    }

    fn watch_tls(&self) {
        let Some(tls) = self.edge.tls.clone() else { return };
        let gate = self.gate.clone();
        self.listeners.spawn(async move {
            tokio::select! {
                () = tls.watch() => {}
                () = gate.stopped() => {}
            }
        });
    }

    fn listen<W: Wire>(&self, socket: TcpListener, wire: W) {
        let listener = Listener {
            socket,
            wire,
            gate: self.gate.clone(),
            edge: Arc::clone(&self.edge),
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
        if let Some(monitor) = self.monitor {
            monitor.stop().await;
        }
        finished
    }
}

impl Wire for GrpcService {
    fn answer(&self, request: Request<RequestBody>) -> impl Future<Output = Response<Body>> + Send {
        GrpcService::answer(self, request)
    }

    fn refused(&self, error: &ServiceError) -> Response<Body> {
        refused(error)
    }
}
