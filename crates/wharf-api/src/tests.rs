//! Whole calls through real sockets, with the bytes on the wire in the test's hand, over an engine that gives
//! its input `x` back as `y`.

mod admin;
mod drain;
mod edge;
mod grpc;
mod language;
mod metrics;
mod overload;
mod rest;
mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use wharf_metrics::Registry;
use wharf_serve::{ModelLocation, ModelManager, ServeConfig, ServeLimits};
use wharf_testing::{FakeEngine, models};

use crate::{ApiConfig, ApiHandle, ApiServer, Limits};

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of the model `m`, version 3.
struct Server {
    handle: ApiHandle,
    folder: TempDir,
    _manager: ModelManager,
}

impl Server {
    async fn start(engine: &Arc<FakeEngine>, limits: Limits) -> Self {
        Self::configured(engine, ApiConfig { limits, ..ApiConfig::default() }).await
    }

    async fn configured(engine: &Arc<FakeEngine>, config: ApiConfig) -> Self {
        Self::limited(engine, config, ServeLimits::default()).await
    }

    async fn limited(engine: &Arc<FakeEngine>, mut config: ApiConfig, limits: ServeLimits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        put(&folder, 3);
        let registry = Registry::default();
        let location = ModelLocation::repository(folder.path());
        let models_here = ServeConfig::default().with_location(location).with_metrics(registry.clone());
        let manager = models_here.with_limits(limits).build(Arc::clone(engine) as _).unwrap();
        manager.refresh().await.unwrap();
        config.allowed_hosts.push("x".to_owned());
        config.grpc_port = Some(0);
        config.rest_port = Some(0);
        (config.oip_grpc_port, config.oip_rest_port, config.http_port) = (None, Some(0), Some(0));
        config.metrics_port = Some(0);
        config.rest_metrics_path = Some("/monitoring/prometheus/metrics".to_owned());
        config.metrics = registry;
        let handle = ApiServer::bind(config, manager.clone()).await.unwrap();
        Self { handle, folder, _manager: manager }
    }

    async fn running(limits: Limits) -> Self {
        Self::start(&FakeEngine::free_running(), limits).await
    }

    /// Puts another version of `m` beside the one that it has.
    fn put(&self, version: u64) {
        put(&self.folder, version);
    }

    fn grpc(&self) -> SocketAddr {
        self.handle.addresses().grpc.unwrap()
    }

    fn metrics(&self) -> SocketAddr {
        self.handle.addresses().metrics.unwrap()
    }

    fn rest(&self) -> SocketAddr {
        self.handle.addresses().rest.unwrap()
    }
}

fn put(folder: &TempDir, version: u64) {
    let version = folder.path().join(format!("m/{version}"));
    std::fs::create_dir_all(&version).unwrap();
    std::fs::write(version.join("model.onnx"), models::HALF_PLUS_TWO).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a client of the test, which waits for it or ends it")]
fn spawn<T: Send + 'static>(task: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
    tokio::spawn(task)
}

/// Sends `bytes` and reads until the server closes or has nothing more to say for a while.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    read_to_end(stream).await
}

async fn read_to_end(mut stream: TcpStream) -> String {
    let mut reply = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut reply)).await.unwrap();
    String::from_utf8_lossy(&reply).into_owned()
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

fn predict(body: &str) -> Vec<u8> {
    post("/v1/models/m:predict", "", body)
}

fn status_of(reply: &str) -> u16 {
    reply
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or_else(|| panic!("no status: {reply}"))
}
