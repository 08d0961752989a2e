//! Recipes, networks over Burn, the training loop, evaluation and export.
//!
//! A [`Recipe`] (TOML) says what to train, on what, how. Its layers become a [`Network`]: one plan with every
//! shape inferred, from which come the forward and backward pass of training and the ONNX graph that serves.
//! Burn keeps the tape; the layers themselves are computed by this crate, three to four times as fast as by
//! Burn's CPU backend, in an order that depends on shapes alone. [`train()`] runs a recipe in a run folder
//! ([`wharf_runs::Runs`]) and tells an [`Observer`] what happens; [`publish`] makes a bundle of the [`Outcome`].
//!
//! The same recipe, data and seed give the same weights on any number of threads, and a run that was stopped or
//! killed and then resumed gives the same bytes as one that was left alone. Arithmetic follows PyTorch; 50 steps
//! of several networks are held to it in tests.
//!
//! ```
//! use std::path::Path;
//! use wharf_train::{Network, Recipe};
//!
//! let text = r#"
//!     name = "tiny"
//!     layers = [
//!         { op = "conv", name = "conv1", out_channels = 6, kernel = 5 }, { op = "relu" },
//!         { op = "max_pool", kernel = 2 }, { op = "flatten" }, { op = "linear", name = "out", out_features = 10 },
//!     ]
//! "#;
//! let recipe = Recipe::parse(text, Path::new(""))?;
//! let network = Network::new([3, 32, 32], &recipe.layers, recipe.seed).map_err(|problems| format!("{problems:?}"))?;
//! assert_eq!(network.parameter_specs()[2].name, "out.weight");
//! assert_eq!(network.parameter_specs()[2].shape, [10, 6 * 14 * 14]);
//! assert_eq!(network.logits(vec![0.5; 2 * network.input_len()]).len(), 2 * 10);
//!
//! let mistakes = Recipe::parse(&text.replace("kernel = 5", "kernal = 5"), Path::new("")).unwrap_err();
//! assert!(mistakes.to_string().contains("unknown key `kernal`, did you mean `kernel`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod baseline;
mod checkpoint;
mod details;
mod error;
mod evaluate;
mod event;
mod export;
mod feed;
mod gradient;
mod kernels;
mod metrics;
mod mixup;
mod network;
mod optimiser;
#[cfg(test)]
mod parity_tests;
mod random;
mod recipe;
mod report;
mod schedule;
mod speed;
mod tape;
mod train;
mod trainer;

use export::weights;

pub use details::RunDetails;
pub use error::{TrainError, TrainErrorKind};
pub use event::{Event, Observer};
pub use export::{
    Goldens, GraphSamples, Imported, PublishRequest, graph_samples, import_weights, import_weights_alone,
    load_weights, onnx_model, publish, save_weights,
};
pub use gradient::Clip;
pub use kernels::loss::{Distillation, DistillationLoss};
pub use metrics::{ClassScores, ConfusionMatrix, EpochMetrics, Evaluation};
pub use network::{BufferSpec, Layer, LayerKind, LayerProblem, Network, ParameterSpec, Shortcut, StepResult};
pub use optimiser::{AdamConfig, OptimiserConfig};
pub use recipe::{
    BadPictures, BatchConfig, CheckpointConfig, DataConfig, EarlyStop, ExportConfig, InputType, LossConfig,
    Recipe,
};
pub use report::{Mistake, RunReport, SurestMistakes, environment, write_report};
pub use schedule::{Decay, OneCycle, Plateau, ScheduleConfig};
pub use speed::time_steps;
pub use train::{Findings, Outcome, TrainOptions, evaluate, train};
