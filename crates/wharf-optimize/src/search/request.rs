//! What is asked of a search, and what it tells meanwhile.

use serde::{Deserialize, Serialize};
use wharf_onnx::Model;

use super::budget::Budget;
use super::candidate::Candidate;
use super::outcome::Entry;
use crate::data::{Evaluation, Samples};
use crate::measure::LatencyOptions;

/// What decides between models that fit the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// The median latency of one sample; within 3 % of each other, the size.
    #[default]
    Latency,
    /// The size of the file; of the same size, the latency.
    Size,
}

/// Latencies closer than this are the same.
const SAME_LATENCY: f64 = 1.03;

impl Objective {
    /// Whether `a` is better than `b`.
    pub(super) fn prefers(self, a: &Entry, b: &Entry) -> bool {
        let (fast_a, fast_b) = (a.latency.p50_ms, b.latency.p50_ms);
        match self {
            Self::Latency if fast_a * SAME_LATENCY < fast_b => true,
            Self::Latency if fast_b * SAME_LATENCY < fast_a => false,
            Self::Latency => (a.size_bytes, -a.quality) < (b.size_bytes, -b.quality),
            Self::Size => (a.size_bytes, fast_a) < (b.size_bytes, fast_b),
        }
    }
}

/// What is asked of a search.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model as it is, in float.
    pub model: &'a Model,
    /// Training samples for the ranges of activations; some hundred suffice.
    pub calibration: &'a Samples,
    /// Held-out samples with targets.
    pub evaluation: &'a Evaluation,
    /// What a model may cost.
    pub budget: Budget,
    /// What decides between those that fit.
    pub objective: Objective,
    /// What is tried.
    pub candidates: Vec<Candidate>,
    /// The samples of the batch that is timed besides one sample, and that samples are run in.
    pub batch_size: usize,
    /// The threads of a run.
    pub threads: usize,
    /// How latency is measured.
    pub latency: LatencyOptions,
    /// The most samples that the noise of single layers is measured on.
    pub layer_samples: usize,
    /// The seed of the intervals.
    pub seed: u64,
}

impl<'a> Request<'a> {
    /// The usual candidates, one point of quality to lose, one thread, batches of 16.
    pub fn new(model: &'a Model, calibration: &'a Samples, evaluation: &'a Evaluation) -> Self {
        Self {
            model,
            calibration,
            evaluation,
            budget: Budget::default(),
            objective: Objective::default(),
            candidates: Candidate::defaults(model),
            batch_size: 16,
            threads: 1,
            latency: LatencyOptions::default(),
            layer_samples: 32,
            seed: 0,
        }
    }
}

/// What a search has just done.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A candidate is being made and measured.
    Begun {
        /// What it is.
        name: &'a str,
    },
    /// A model was measured.
    Measured(&'a Entry),
    /// A candidate cannot be made, or changes nothing.
    Skipped {
        /// What it is.
        name: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// The noise of single layers is being measured.
    Layers,
}
