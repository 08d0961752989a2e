//! The plain settings of a recipe.

use std::path::PathBuf;

use serde::Serialize;

use crate::gradient::Clip;

/// Where the pictures are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataConfig {
    /// The folder that holds them, relative to the recipe; may be overridden at the call.
    pub path: PathBuf,
    /// How they are stored; found out where it is `auto`.
    pub format: String,
    /// The training part within `path`; the format's own names where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train: Option<PathBuf>,
    /// The evaluation part within `path`; the format's own names where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation: Option<PathBuf>,
    /// The share of the training pictures that is held back to watch training by, instead of the evaluation part.
    pub validation: f64,
    /// At most this many training pictures, evenly from all classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// At most this many evaluation pictures, evenly from all classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation_limit: Option<usize>,
    /// What a picture that cannot be read means.
    pub bad_pictures: BadPictures,
}

/// What a picture that cannot be read means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BadPictures {
    /// It is named and left out.
    Skip,
    /// It is named and training does not start.
    Fail,
}

/// What is minimised.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LossConfig {
    /// Cross-entropy of the softmax.
    CrossEntropy {
        /// Weight of each class, all 1 where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        class_weights: Option<Vec<f64>>,
        /// Share of each label that is spread over all classes.
        label_smoothing: f64,
    },
    /// Mean squared distance to the one-hot label.
    Mse,
    /// Cross-entropy of the sigmoid of each output against the one-hot label: each class against all others.
    BinaryCrossEntropy {
        /// Weight of each class where it is the true one, all 1 where absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        pos_weight: Option<Vec<f64>>,
    },
    /// Mean absolute distance to the one-hot label.
    Mae,
    /// Half the squared distance to the one-hot label, linear beyond `delta`.
    Huber {
        /// The distance from which on the loss is linear.
        delta: f64,
    },
}

/// What is done to a batch, and to its gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BatchConfig {
    /// Batches whose gradients the optimiser follows at once, at least 1.
    pub accumulate: usize,
    /// A bound on the gradient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
    /// The parameter of the Beta law by which pictures are blended; none blends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mixup: Option<f64>,
}

/// When to end before the last epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EarlyStop {
    /// Epochs without a lower evaluation loss after which training ends.
    pub patience: u32,
    /// By how much the loss must fall to count.
    pub min_delta: f64,
}

/// When the state is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointConfig {
    /// Steps between two checkpoints; 0 for one at the end of each epoch.
    pub every_steps: u64,
    /// How many are kept.
    pub keep: usize,
}

/// What the exported model looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExportConfig {
    /// What the graph takes.
    pub input: InputType,
    /// Whether batch normalisations are folded into the convolutions before them.
    pub fold_batch_norm: bool,
    /// How many evaluation pictures become goldens.
    pub goldens: usize,
}

/// What the exported graph takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InputType {
    /// `float32` pictures of 0 to 1.
    Float,
    /// `uint8` pictures of 0 to 255.
    Uint8,
}
