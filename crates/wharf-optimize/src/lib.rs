//! Makes a model smaller and faster within a budget: quantisation, pruning, search, report.

mod calibrate;
mod data;
mod error;
mod measure;
mod prune;
mod quantise;
mod search;
#[cfg(test)]
mod tests;

pub use calibrate::{CalibrationMethod, Extent, Ranges, calibrate};
pub use data::{Evaluation, Samples, Targets};
pub use error::{OptimizeError, OptimizeErrorKind};
pub use measure::{
    Interval, Latency, LatencyOptions, LayerNoise, Quality, evaluate, layer_noise, measure_latency,
    paired_interval,
};
pub use prune::{PrunedLayer, prune_channels, prune_magnitude};
pub use quantise::{
    DYNAMIC_OPERATORS, DynamicOptions, Grid, IntType, Parameters, QuantisedWeight, STATIC_OPERATORS, Scope,
    StaticOptions, half_weights, node_name, quantise_dynamic, quantise_static, quantise_weights,
};
pub use search::{Budget, Candidate, Entry, Event, Objective, Outcome, Request, Step, optimize};
