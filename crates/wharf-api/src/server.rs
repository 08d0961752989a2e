//! Starting and stopping the listeners.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use wharf_infer::ServiceError;
use wharf_serve::ModelManager;

use crate::admin::AdminService;
use crate::backend::Backend;
use crate::cors::Cors;
use crate::grpc::{GrpcService, Health, refused};
use crate::http_service::{EveryService, HttpService, Protocols};
use crate::kserve::KserveService;
use crate::language_service::LanguageService;
use crate::listener::{Edge, Gate, Holdings, Hosts, Listener, RequestBody, Socket, SocketFile, Tls, Wire};
use crate::metrics::{HttpMetrics, collector};
use crate::monitor::{Monitor, MonitorThread};
use crate::oip::rest::OipRestService;
use crate::oip::{OipBackend, SharedMemory};
use crate::openai::batches::{Batches, run_batches};
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

    fn file(path: &Path, source: io::Error) -> Self {
        Self { what: format!("cannot listen on `{}`", path.display()), source: source.into() }
    }

    fn folder(path: &Path, source: io::Error) -> Self {
        Self { what: format!("cannot keep files in `{}`", path.display()), source: source.into() }
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
    /// KServe's first protocol, with the Open Inference Protocol and the interface of operators beside it.
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
    /// Opens the ports and socket files of `config` and serves `manager` on them. Returns once connections are accepted.
    ///
    /// # Errors
    /// A port or a socket file cannot be opened; then none is.
    pub async fn bind(config: ApiConfig, manager: ModelManager) -> Result<ApiHandle, BindError> {
        let tls = config.tls.clone().map(Tls::load).transpose().map_err(BindError::tls)?;
        let mut sockets = Sockets::open(&config).await?;
        let limits = Arc::new(config.limits.clone());
        let slots = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
        let holdings = Holdings::new(limits.max_held_bytes);
        config.metrics.register(holdings.collector());
        let hosts = Hosts::of(config.bind, &config.allowed_hosts);
        let health = Health::default();
        health.set(true).await;
        let mut handle = ApiHandle {
            addresses: sockets.addresses(),
            gate: Gate::default(),
            edge: Arc::new(Edge { limits, slots, holdings, tls, hosts }),
            health,
            connections: TaskTracker::new(),
            listeners: TaskTracker::new(),
            monitor: None,
        };
        let monitor = Monitor::new(&config.metrics, &manager, &handle.gate);
        if let Some((socket, address)) = sockets.metrics.take().zip(handle.addresses.metrics) {
            let thread = MonitorThread::start(socket, monitor.clone(), &handle.edge);
            handle.monitor = Some(thread.map_err(|source| BindError::port(address, source))?);
        }
        let batches = open_batches(&config)?;
        handle.serve(sockets, &config, manager, &monitor, batches);
        handle.watch_tls();
        Ok(handle)
    }
}

/// The open ports and socket files.
struct Sockets {
    grpc: Vec<Socket>,
    rest: Vec<Socket>,
    oip_grpc: Vec<Socket>,
    oip_rest: Vec<Socket>,
    http: Vec<Socket>,
    /// For all protocols.
    every: Vec<Socket>,
    metrics: Option<TcpListener>,
}

impl Sockets {
    async fn open(config: &ApiConfig) -> Result<Self, BindError> {
        let mut sockets = Self {
            grpc: open(config, config.grpc_port).await?,
            rest: open(config, config.rest_port).await?,
            oip_grpc: open(config, config.oip_grpc_port).await?,
            oip_rest: open(config, config.oip_rest_port).await?,
            http: open(config, config.http_port).await?,
            every: Vec::new(),
            metrics: open_port(config, config.metrics_port).await?,
        };
        if let Some(path) = &config.unix_socket {
            sockets.open_files(path).await?;
        }
        Ok(sockets)
    }

    async fn open_files(&mut self, path: &Path) -> Result<(), BindError> {
        if !path.is_dir() {
            self.every.push(open_file(path.to_owned()).await?);
            return Ok(());
        }
        for (sockets, name) in [
            (&mut self.grpc, "grpc.sock"),
            (&mut self.rest, "rest.sock"),
            (&mut self.oip_rest, "oip-rest.sock"),
            (&mut self.http, "http.sock"),
        ] {
            sockets.push(open_file(path.join(name)).await?);
        }
        Ok(())
    }

    fn addresses(&self) -> Addresses {
        let address = |sockets: &[Socket]| sockets.iter().find_map(Socket::address);
        Addresses {
            grpc: address(&self.grpc),
            rest: address(&self.rest),
            oip_grpc: address(&self.oip_grpc),
            oip_rest: address(&self.oip_rest),
            http: address(&self.http),
            metrics: self.metrics.as_ref().and_then(|socket| socket.local_addr().ok()),
        }
    }
}

fn open_batches(config: &ApiConfig) -> Result<Option<Batches>, BindError> {
    let Some((folder, models)) = config.language_data.as_ref().zip(config.language_models.clone()) else {
        return Ok(None);
    };
    Batches::open(folder, models).map(Some).map_err(|source| BindError::folder(folder, source))
}

async fn open(config: &ApiConfig, port: Option<u16>) -> Result<Vec<Socket>, BindError> {
    Ok(open_port(config, port).await?.map(Socket::from).into_iter().collect())
}

async fn open_port(config: &ApiConfig, port: Option<u16>) -> Result<Option<TcpListener>, BindError> {
    let Some(port) = port else { return Ok(None) };
    let address = SocketAddr::new(config.bind, port);
    TcpListener::bind(address).await.map(Some).map_err(|source| BindError::port(address, source))
}

async fn open_file(path: PathBuf) -> Result<Socket, BindError> {
    SocketFile::open(&path).await.map(Socket::Unix).map_err(|source| BindError::file(&path, source))
}

impl ApiHandle {
    /// Where what is served.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    fn serve(
        &self,
        sockets: Sockets,
        config: &ApiConfig,
        manager: ModelManager,
        monitor: &Monitor,
        batches: Option<Batches>,
    ) {
        let limits = &self.edge.limits;
        let encoding = match config.tensor_content_replies {
            true => TensorEncoding::Content,
            false => TensorEncoding::Values,
        };
        let common = Backend::new(manager.clone(), Arc::clone(limits));
        let common = common.with_request_log(config.request_log.clone());
        config.metrics.register(collector(&common.metrics));
        let admin = config.admin.then(|| AdminService::new(common.clone()));
        let language = config.language_models.clone();
        let language = language.map(|models| {
            let requests = Arc::new(HttpMetrics::default());
            config.metrics.register(requests.collector());
            LanguageService::new(models, Arc::clone(limits), batches.clone(), requests)
                .with_store(config.language_store.clone())
        });
        if let Some(batches) = batches {
            self.run_batches(batches);
        }
        let tfs = TfsBackend::new(common.clone(), encoding);
        let memory = SharedMemory::with_prefix(config.shared_memory_prefix.clone());
        let oip = OipBackend::new(common, memory).with_log_control(config.log_control.clone());
        let oip = oip.with_tracer(config.tracer.clone());
        let grpc = GrpcService::new(&tfs, &oip, &self.health, limits);
        for socket in sockets.grpc.into_iter().chain(sockets.oip_grpc) {
            self.listen(socket, Traced::new(grpc.clone(), &config.tracer, &manager));
        }
        let timeout = config.rest_timeout;
        let oip = OipRestService::new(oip, timeout);
        let kserve = KserveService::new(tfs.clone(), timeout);
        let tfs = RestService::new(tfs, timeout);
        let service = |protocols: Protocols| {
            let monitor = match &protocols {
                Protocols::Tfs(_) | Protocols::TfsAndOip(..) => {
                    monitor.clone().with_metrics_at(config.rest_metrics_path.clone())
                }
                _ => monitor.clone(),
            };
            let cors = Cors::new(&config.cors_origins);
            HttpService { document: protocols.document(), protocols, monitor, cors }
        };
        for (sockets, protocols) in [
            (sockets.rest, Protocols::Tfs(tfs.clone())),
            (sockets.oip_rest, Protocols::Oip(oip.clone())),
            (sockets.http, Protocols::Shared(kserve, oip.clone(), admin, language)),
        ] {
            for socket in sockets {
                self.listen(socket, Traced::new(service(protocols.clone()), &config.tracer, &manager));
            }
        }
        for socket in sockets.every {
            let http = service(Protocols::TfsAndOip(tfs.clone(), oip.clone()));
            self.listen(
                socket,
                Traced::new(EveryService { grpc: grpc.clone(), http }, &config.tracer, &manager),
            );
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

    /// Answers batches until the server stops; they go on where they were when it starts again.
    fn run_batches(&self, batches: Batches) {
        let gate = self.gate.clone();
        self.listeners.spawn(async move {
            tokio::select! {
                () = run_batches(batches) => {}
                () = gate.closed() => {}
            }
        });
    }

    fn listen<W: Wire>(&self, socket: Socket, wire: W) {
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
