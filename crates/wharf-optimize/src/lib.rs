//! Makes a model smaller and faster within a budget: quantisation, pruning, search, report.
//!
//! - Changes of a graph, without a runtime: [`quantise_static`] and [`quantise_dynamic`], with the scales of
//!   onnxruntime.quantization to the last bit; [`quantise_weights`], [`half_weights`], [`prune_channels`],
//!   [`prune_magnitude`] and [`fold_batch_norms`].
//! - [`calibrate()`] runs a graph in an engine and finds the ranges of what is within.
//! - [`optimize`] makes candidates of a [`Request`], measures size, latency, quality and noise of each, refuses those that
//!   break the [`Budget`] with the reason, and chooses; [`write_report`] tells it, and [`publish()`] makes the choice a
//!   new version whose lineage names its parent.
//!
//! ```no_run
//! use wharf_engine::OnnxEngine;
//! use wharf_onnx::read_model;
//! use wharf_optimize::{Budget, Evaluation, Request, Samples, optimize};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (calibration, evaluation): (Samples, Evaluation) = unimplemented!();
//! let engine = OnnxEngine::new()?;
//! let model = read_model(std::fs::read("model.onnx")?)?;
//! let mut request = Request::new(&model, &calibration, &evaluation);
//! request.budget = Budget { max_loss: Some(0.005), max_p99_ms: Some(5.0), ..Budget::default() };
//! let outcome = optimize(&engine, &request, &mut |event| eprintln!("{event:?}"))?;
//! println!("{:?}", outcome.chosen().map(|entry| &entry.name));
//! # Ok(())
//! # }
//! ```

mod calibrate;
mod data;
mod error;
mod fold;
mod measure;
mod prune;
mod publish;
mod quantise;
mod report;
mod search;
#[cfg(test)]
mod tests;

pub use calibrate::{CalibrationMethod, Extent, Ranges, calibrate};
pub use data::{Evaluation, Samples, Targets};
pub use error::{OptimizeError, OptimizeErrorKind};
pub use fold::fold_batch_norms;
pub use measure::{
    Interval, Latency, LatencyOptions, LayerNoise, Quality, evaluate, layer_noise, measure_latency,
    paired_interval,
};
pub use prune::{PrunedLayer, prune_channels, prune_magnitude};
pub use publish::{Publication, publish};
pub use quantise::{
    DYNAMIC_OPERATORS, DynamicOptions, Grid, IntType, Parameters, QuantisedWeight, STATIC_OPERATORS, Scope,
    StaticOptions, half_weights, node_name, quantise_dynamic, quantise_static, quantise_weights,
};
pub use report::{OUTCOME_FILE, REPORT_FILE, outcome_json, report_html, write_report};
pub use search::{Budget, Candidate, Entry, Event, Objective, Outcome, Request, Step, optimize};
