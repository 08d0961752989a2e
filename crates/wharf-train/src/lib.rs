//! Recipes, networks over Burn, the training loop, evaluation and export.

mod metrics;

pub use metrics::{ClassScores, ConfusionMatrix, EpochMetrics, Evaluation};
