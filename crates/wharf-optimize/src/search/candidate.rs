//! What is done to a model, step by step.

use serde::{Deserialize, Serialize};
use wharf_onnx::Model;

use crate::calibrate::CalibrationMethod;
use crate::quantise::IntType;
use crate::quantise::scope::is_own;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Weights as float16.
    HalfWeights,
    /// Weights as int8, arithmetic in float.
    Int8Weights {
        /// Whether each output channel has a scale of its own.
        per_channel: bool,
    },
    /// Weights as int8, activations as uint8 with the range of each run; products of matrices only.
    Dynamic {
        /// Whether each output channel has a scale of its own.
        per_channel: bool,
    },
    /// Weights and activations as 8-bit integers with calibrated ranges.
    Static {
        /// The integers of activations.
        activation: IntType,
        /// Whether each output channel has a scale of its own.
        per_channel: bool,
        /// Whether weights leave one bit unused, without which sums of products saturate on x86 processors without VNNI.
        reduced: bool,
        /// How ranges are found.
        calibration: CalibrationMethod,
        /// The nodes that stay in float, by name.
        kept: Vec<String>,
    },
    /// The smallest weights of each layer as zero.
    Magnitude {
        /// The share of them.
        share: f64,
    },
    /// Whole channels taken away.
    Channels {
        /// The share of them.
        share: f64,
    },
}

impl Step {
    /// Static int8 as it serves best, with ranges by `calibration`.
    pub fn static_int8(calibration: CalibrationMethod) -> Self {
        Self::Static {
            activation: IntType::U8,
            per_channel: true,
            reduced: true,
            calibration,
            kept: Vec::new(),
        }
    }

    /// What the step does, in a few words.
    pub fn name(&self) -> String {
        let scales = |per_channel: &bool| if *per_channel { "per channel" } else { "per tensor" };
        match self {
            Self::HalfWeights => "float16 weights".to_owned(),
            Self::Int8Weights { per_channel } => format!("int8 weights, {}", scales(per_channel)),
            Self::Dynamic { per_channel } => format!("dynamic int8, {}", scales(per_channel)),
            Self::Static { activation, per_channel, reduced, calibration, kept } => {
                let int = if *activation == IntType::U8 { "" } else { ", int8 activations" };
                let range = if *reduced { "" } else { ", weights of full range" };
                let kept = match kept.len() {
                    0 => String::new(),
                    1 => ", 1 layer in float".to_owned(),
                    count => format!(", {count} layers in float"),
                };
                format!("static int8, {}, {}{int}{range}{kept}", scales(per_channel), calibration.name())
            }
            Self::Magnitude { share } => format!("{} % of weights zero", share * 100.0),
            Self::Channels { share } => format!("{} % of channels pruned", share * 100.0),
        }
    }
}

/// Changes that are made one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// In order: pruning goes before quantisation.
    pub steps: Vec<Step>,
}

impl Candidate {
    /// One step.
    pub fn of(step: Step) -> Self {
        Self { steps: vec![step] }
    }

    /// The names of the steps.
    pub fn name(&self) -> String {
        self.steps.iter().map(Step::name).collect::<Vec<_>>().join("; ")
    }

    /// What is worth trying on `model`: float16 weights, int8 weights, dynamic int8 where there are products of matrices,
    /// and static int8 with each way to find ranges, per tensor as well. Pruning is not among them, because without
    /// training afterwards it costs more than it gains; [`Candidate::pruned`] has it.
    pub fn defaults(model: &Model) -> Vec<Self> {
        let has_matrices = model
            .nodes()
            .iter()
            .any(|node| is_own(node) && ["Gemm", "MatMul"].contains(&node.op_type.as_str()));
        let per_tensor = Step::Static {
            activation: IntType::U8,
            per_channel: false,
            reduced: true,
            calibration: CalibrationMethod::MinMax,
            kept: Vec::new(),
        };
        let steps = [
            Some(Step::HalfWeights),
            Some(Step::Int8Weights { per_channel: true }),
            has_matrices.then_some(Step::Dynamic { per_channel: true }),
            Some(per_tensor),
            Some(Step::static_int8(CalibrationMethod::MinMax)),
            Some(Step::static_int8(CalibrationMethod::PERCENTILE)),
            // Of the reference's 128 bins there is one range to choose, that of min-max.
            Some(Step::static_int8(CalibrationMethod::Entropy { bins: 1024, quantised_bins: 128 })),
        ];
        steps.into_iter().flatten().map(Self::of).collect()
    }

    /// Channels pruned by each of these shares, in float and as static int8.
    pub fn pruned(shares: &[f64]) -> Vec<Self> {
        let both = shares.iter().flat_map(|&share| {
            let quantised = vec![Step::Channels { share }, Step::static_int8(CalibrationMethod::MinMax)];
            [Self::of(Step::Channels { share }), Self { steps: quantised }]
        });
        both.collect()
    }
}
