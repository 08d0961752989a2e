//! Typed picture transforms: one implementation runs in training, evaluation and serving.

mod names;
mod staged;
mod step;

pub use names::{nearest, unknown_name};
pub use staged::{StagedStep, When};
pub use step::Step;
