//! The manager over a fake engine that the tests step through, and over the real one.

mod batches;
mod cache;
mod columns;
mod configured;
mod demand;
mod encoders;
mod ensembles;
mod goodbye;
mod life;
mod real;
mod replaced;
mod requests;
mod sequences;
mod shadow;
mod soak;
mod steer;
mod traffic;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use wharf_engine::Engine;
use wharf_infer::{InferRequest, InferResponse, ModelRef, NamedTensor, ServiceError};
use wharf_tensor::{Shape, Tensor};
use wharf_testing::{FakeEngine, FakeRun, models};

use crate::{BatchConfig, ModelLocation, ModelManager, ServeConfig, ServeLimits};

/// A folder for models, which goes when the test ends.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a model without a manifest into `<folder>/<name>/<version>/`.
    pub(crate) fn put(&self, name: &str, version: u64) -> PathBuf {
        self.put_bytes(name, version, models::HALF_PLUS_TWO)
    }

    fn put_bytes(&self, name: &str, version: u64, model: &[u8]) -> PathBuf {
        let folder = self.path().join(name).join(version.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("model.onnx"), model).unwrap();
        folder
    }

    pub(crate) fn remove(&self, name: &str, version: u64) {
        std::fs::remove_dir_all(self.path().join(name).join(version.to_string())).unwrap();
    }

    pub(crate) fn config(&self) -> ServeConfig {
        ServeConfig::default().with_location(ModelLocation::repository(self.path()))
    }
}

/// A server of one model `m` over a stepped engine, which runs requests one by one.
async fn stepped(limits: ServeLimits) -> (ModelManager, Arc<FakeEngine>) {
    stepped_batches(limits, BatchConfig::off()).await
}

/// The same, with requests joined as `batching` says.
async fn stepped_batches(limits: ServeLimits, batching: BatchConfig) -> (ModelManager, Arc<FakeEngine>) {
    let (folder, engine) = (Folder::new(), FakeEngine::stepped());
    folder.put("m", 1);
    // The test counts runs and says how long they take: none is to be compared with another.
    let batching = batching.with_row_check(false).with_only_what_pays(false);
    let config = folder.config().with_limits(limits).with_default_batching(batching);
    let manager = serve(config, Arc::clone(&engine) as Arc<dyn Engine>).await;
    (manager, engine)
}

pub(crate) async fn serve(config: ServeConfig, engine: Arc<dyn Engine>) -> ModelManager {
    let manager = config.build(engine).unwrap();
    manager.refresh().await.unwrap();
    manager
}

pub(crate) fn one_worker() -> ServeLimits {
    ServeLimits::default().with_workers(1)
}

pub(crate) fn request(model: &str, value: f32) -> InferRequest {
    let mut request = InferRequest::new(ModelRef::latest(model));
    let tensor = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![value]).unwrap();
    request.inputs.push(NamedTensor::new("x", tensor));
    request
}

pub(crate) type Answer = Result<InferResponse, ServiceError>;

/// Sends a request from a task of its own.
#[expect(clippy::disallowed_methods, reason = "each test waits for its tasks")]
pub(crate) fn send(manager: &ModelManager, request: InferRequest) -> JoinHandle<Answer> {
    let manager = manager.clone();
    tokio::spawn(async move { manager.infer(request).await })
}

/// The next run of a stepped engine, without blocking the threads that drive the requests.
pub(crate) async fn next_run(engine: &Arc<FakeEngine>) -> FakeRun {
    let engine = Arc::clone(engine);
    tokio::task::spawn_blocking(move || engine.next_run()).await.unwrap()
}

/// Waits until so many requests wait for a thread.
pub(crate) async fn until_waiting(manager: &ModelManager, count: usize) {
    while manager.gauges().waiting != count {
        tokio::task::yield_now().await;
    }
}

fn value(answer: &InferResponse) -> f32 {
    answer.outputs[0].tensor.to_vec::<f32>().unwrap()[0]
}
