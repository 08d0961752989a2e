//! The configuration files of the servers that this one takes the place of.

mod model_server;
mod policy;
pub(crate) mod triton;

pub use model_server::{MODEL_SERVER_CONFIG, read_model_server_config};
pub use triton::TritonConfig;
