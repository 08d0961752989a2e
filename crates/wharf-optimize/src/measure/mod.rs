//! What a model costs and what it is worth: latency, quality with an interval, noise layer by layer.

mod bootstrap;
mod latency;
mod layers;
mod quality;

pub use bootstrap::{Interval, paired_interval};
pub use latency::{Latency, LatencyOptions, measure_latency};
pub use layers::{LayerNoise, layer_noise};
pub(crate) use layers::{results_of, sqnr_of_results};
pub use quality::{Quality, evaluate};
