//! Recipes, networks over Burn, the training loop, evaluation and export.

mod kernels;
mod metrics;

pub use metrics::{ClassScores, ConfusionMatrix, EpochMetrics, Evaluation};
