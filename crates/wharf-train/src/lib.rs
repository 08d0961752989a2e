//! Recipes, networks over Burn, the training loop, evaluation and export.

mod baseline;
mod checkpoint;
mod error;
mod evaluate;
mod event;
mod export;
mod feed;
mod files;
mod kernels;
mod metrics;
mod network;
mod optimiser;
#[cfg(test)]
mod parity_tests;
mod random;
mod recipe;
mod report;
mod runs;
mod schedule;
mod speed;
mod tape;
mod train;
mod trainer;

use export::weights;

pub use error::{TrainError, TrainErrorKind};
pub use event::{Event, Observer};
pub use export::{
    Goldens, Imported, PublishRequest, import_weights, import_weights_alone, load_weights, onnx_model,
    publish, save_weights,
};
pub use metrics::{ClassScores, ConfusionMatrix, EpochMetrics, Evaluation};
pub use network::{BufferSpec, Layer, LayerKind, LayerProblem, Network, ParameterSpec, Shortcut, StepResult};
pub use optimiser::{AdamConfig, OptimiserConfig};
pub use recipe::{
    BadPictures, CheckpointConfig, DataConfig, EarlyStop, ExportConfig, InputType, LossConfig, Problem,
    Recipe,
};
pub use report::{Mistake, RunReport, SurestMistakes, environment, write_report};
pub use runs::{RunDetails, RunState, RunStatus, Runs};
pub use schedule::{Decay, ScheduleConfig};
pub use speed::time_steps;
pub use train::{Findings, Outcome, TrainOptions, evaluate, train};
