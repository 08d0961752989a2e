//! The listeners and the wires.
//!
//! [`ApiServer::bind`] opens the ports of an [`ApiConfig`] and serves a [`wharf_serve::ModelManager`] on them:
//! every gRPC service on the gRPC port, TensorFlow Serving's REST interface on its own. Each wire turns what it
//! receives into the same request and the answer into its own form; one table gives the status of every error,
//! and one accept loop holds all connections to the same [`Limits`] and the same orderly stop.
//!
//! ```no_run
//! # async fn example(manager: wharf_serve::ModelManager) -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use wharf_api::{ApiConfig, ApiServer};
//!
//! let mut config = ApiConfig::default();
//! config.grpc_port = Some(0);
//! let server = ApiServer::bind(config, manager).await?;
//! println!("gRPC on {:?}, REST on {:?}", server.addresses().grpc, server.addresses().rest);
//! let all_finished = server.shutdown(Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod anthropic;
mod backend;
mod config;
mod cors;
#[doc(hidden)]
pub mod fuzz;
mod grpc;
mod http_service;
mod json;
mod kserve;
mod language;
mod language_service;
mod limits;
mod listener;
mod log_control;
mod metrics;
mod monitor;
mod monitoring_config;
mod oip;
mod ollama;
mod openai;
mod openapi;
pub mod proto;
mod request_log;
mod rest;
mod server;
mod shown;
mod status;
mod tfs;
mod trace;
mod warm_up_log;

#[cfg(test)]
mod tests;

pub use config::ApiConfig;
pub use limits::Limits;
pub use listener::{TlsConfig, TlsError, TlsFiles};
pub use log_control::LogControl;
pub use monitoring_config::{TFS_METRICS_PATH, read_monitoring_config};
pub use ollama::{ModelStore, PullReport, PullStep};
pub use server::{Addresses, ApiHandle, ApiServer, BindError};
pub use tfs::TfsWarmUp;
pub use warm_up_log::LogWarmUp;
