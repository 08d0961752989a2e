//! Layers as a recipe declares them.

use serde::Serialize;

/// One declared layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Prefix of its parameters' names; its number in the list where absent, as in `torch.nn.Sequential`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it computes.
    #[serde(flatten)]
    pub kind: LayerKind,
}

/// What a layer computes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[non_exhaustive]
pub enum LayerKind {
    /// Two-dimensional convolution.
    Conv {
        /// Channels that come in; inferred, so it only serves as a check.
        #[serde(skip_serializing_if = "Option::is_none")]
        in_channels: Option<usize>,
        /// Channels that go out.
        out_channels: usize,
        /// Height and width of the kernel.
        kernel: [usize; 2],
        /// Distance between windows.
        stride: usize,
        /// Zeros added at each edge.
        padding: usize,
        /// Independent groups of channels.
        groups: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Maximum of each window.
    MaxPool {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Distance between windows.
        stride: usize,
        /// Cells added at each edge.
        padding: usize,
    },
    /// Mean of each window, zeros of the padding counted.
    AvgPool {
        /// Height and width of the window.
        kernel: [usize; 2],
        /// Distance between windows.
        stride: usize,
        /// Cells added at each edge.
        padding: usize,
    },
    /// Mean of each channel.
    GlobalAvgPool,
    /// Maximum of each channel.
    GlobalMaxPool,
    /// Batch normalisation of channels or features.
    BatchNorm {
        /// Added to the variance.
        epsilon: f32,
        /// Weight of a batch in the running statistics.
        momentum: f32,
    },
    /// Fully connected layer.
    Linear {
        /// Features that come in; inferred, so it only serves as a check.
        #[serde(skip_serializing_if = "Option::is_none")]
        in_features: Option<usize>,
        /// Features that go out.
        out_features: usize,
        /// Whether a bias is added.
        bias: bool,
    },
    /// Zeroes features at random while training.
    Dropout {
        /// The share that is zeroed.
        probability: f32,
    },
    /// Rectifier.
    Relu,
    /// Gaussian error linear unit, the exact form.
    Gelu,
    /// A picture's channels, rows and columns as one vector.
    Flatten,
    /// The inner layers' output plus their input.
    Residual {
        /// The inner layers.
        layers: Vec<Layer>,
        /// How the input reaches the sum.
        shortcut: Shortcut,
    },
}

/// How the input of a residual block reaches the sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortcut {
    /// As it is; the inner layers must keep the shape.
    Identity,
    /// Through a convolution of 1x1 that brings it to the inner layers' shape.
    Projection,
    /// Through such a convolution without bias and a batch normalisation.
    ProjectionNorm,
}

impl LayerKind {
    /// The name in recipes and messages.
    pub fn op(&self) -> &'static str {
        match self {
            LayerKind::Conv { .. } => "conv",
            LayerKind::MaxPool { .. } => "max_pool",
            LayerKind::AvgPool { .. } => "avg_pool",
            LayerKind::GlobalAvgPool => "global_avg_pool",
            LayerKind::GlobalMaxPool => "global_max_pool",
            LayerKind::BatchNorm { .. } => "batch_norm",
            LayerKind::Linear { .. } => "linear",
            LayerKind::Dropout { .. } => "dropout",
            LayerKind::Relu => "relu",
            LayerKind::Gelu => "gelu",
            LayerKind::Flatten => "flatten",
            LayerKind::Residual { .. } => "residual",
        }
    }
}
