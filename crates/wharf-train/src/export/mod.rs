//! From a trained network to what others use: an ONNX graph, weight files, a published bundle.
//!
//! The graph is written straight from the plan that training runs, so there is one source for both. What has to
//! agree is checked where it can fail: the goldens of a bundle carry what the training code itself computed, and
//! publishing replays them through the engine that will serve.

mod card;
mod goldens;
mod graph;
mod graph_samples;
mod import;
mod publish;
mod request;
mod samples;
mod signatures;
#[cfg(test)]
mod tests;
mod transform;
pub(crate) mod weights;

pub use goldens::Goldens;
pub use graph::onnx_model;
pub use graph_samples::{GraphSamples, graph_samples};
pub use import::{Imported, import_weights, import_weights_alone};
pub use publish::publish;
pub use request::PublishRequest;
pub use weights::{load_weights, save_weights};
