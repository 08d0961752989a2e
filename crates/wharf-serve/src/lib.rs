//! Model life cycle, version routing, admission: everything between the wires and the engines.
//!
//! A [`ServeConfig`] says where models come from and builds a [`ModelManager`], a cheap handle that every
//! listener clones. [`ModelManager::refresh`] loads what the sources hold and unloads what they no longer do;
//! a version is routed to once its goldens have been replayed, and a model that fails to load takes nobody
//! with it. [`ModelManager::infer`] answers one request: it is admitted or refused at once, waits in a bounded
//! queue ([`QueueConfig`]) for one of the threads that compute, which takes along whatever else waits for the same model
//! and fits ([`BatchConfig`]), and is dropped there when nobody waits for it any more. Models share the threads by the
//! time that they take.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use wharf_engine::OnnxEngine;
//! use wharf_infer::{InferRequest, ModelRef, NamedTensor};
//! use wharf_serve::{ModelLocation, ServeConfig};
//! use wharf_tensor::{Shape, Tensor};
//!
//! let config = ServeConfig::default().with_location(ModelLocation::repository("repository"));
//! let manager = config.build(Arc::new(OnnxEngine::new()?))?;
//! manager.refresh().await?;
//!
//! let mut request = InferRequest::new(ModelRef::latest("half_plus_two"));
//! request.inputs.push(NamedTensor::new("x", Tensor::from_vec(Shape::new(&[1])?, vec![1.0_f32])?));
//! println!("{:?}", manager.infer(request).await?.outputs);
//! # Ok(())
//! # }
//! ```
//!
//! Errors carry TensorFlow Serving's texts where it has some, because clients look for them. No HTTP here.

mod admission;
mod answer;
mod backoff;
mod batch;
mod cache;
mod config;
mod control;
mod demand;
mod encode;
mod ensemble;
mod file_changes;
mod infer;
mod language;
mod lifecycle;
mod loader;
mod location;
mod manager;
mod metrics;
mod parts;
mod policy;
mod pool;
mod registry;
mod remember;
mod route;
mod sequence;
mod served;
mod settings;
mod state;
mod steer;
#[cfg(test)]
mod tests;
mod traffic;
mod wake;
mod warm_up;

pub use batch::{BatchConfig, BatchSnapshot, PadValue, Padding, QueueConfig, TimeoutAction};
pub use cache::CacheConfig;
pub use config::{ServeConfig, ServeLimits};
pub use control::{ControlMode, IndexEntry, ModelConfig};
pub use demand::{Hold, OnDemand};
pub use location::ModelLocation;
pub use manager::{Gauges, ModelInfo, ModelManager};
pub use metrics::{BatchStatistics, CountAndTime, ModelStatistics, StatusCounters, UNKNOWN as UNKNOWN_MODEL};
pub use policy::VersionPolicy;
pub use settings::{
    BatchingParameters, BatchingSettings, ControlKind, DynamicBatching, EnsembleStep, FlagValues,
    InitialState, MODEL_SERVER_CONFIG, QueuePolicy, SequenceBatching, SequenceControl, SequenceFlag,
    SequenceState, SequenceStrategy, TensorMapping, TritonConfig, read_batching_parameters,
    read_model_server_config,
};
pub use state::{VersionState, VersionStatus};
pub use traffic::{RollbackBounds, Shadow, ShadowReport, StickyKeys, Traffic, TrafficReport, VersionTraffic};
pub use warm_up::{WarmUp, WarmUpRequest};
/// The signature by which an encoder is asked with texts.
pub use wharf_engine::TEXT_SIGNATURE;
