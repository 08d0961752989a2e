//! Triton's `ModelSequenceBatching`: how requests of sequences reach a model, and what is kept between them.

use std::time::Duration;

use wharf_tensor::DType;

use crate::BatchConfig;

/// What a model is told of sequences, and what is kept for it.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceBatching {
    /// After how long without a request a sequence ends.
    pub max_idle: Duration,
    /// How requests of different sequences are joined.
    pub strategy: SequenceStrategy,
    /// The inputs that tell the model where in its sequence a request is.
    pub controls: Vec<SequenceControl>,
    /// What the model is given back of its last answer.
    pub states: Vec<SequenceState>,
}

/// How requests of different sequences are joined.
#[derive(Clone, Debug, PartialEq)]
pub enum SequenceStrategy {
    /// With Triton each sequence has a slot of the batch to itself. Models here keep nothing in slots, so that none is
    /// needed: a row is where it fits.
    Direct {
        /// How long a request waits for those of others.
        max_queue_delay: Duration,
        /// Which part of the largest batch is enough not to wait; 0 never waits.
        minimum_slot_utilization: f64,
    },
    /// As other requests are, of a limited number of sequences.
    Oldest {
        /// How many sequences there may be at once for each instance; the next one begins when one of them ends. `None`
        /// does not limit them.
        max_candidate_sequences: Option<usize>,
        /// Sizes that a batch is cut back to.
        preferred_batch_size: Vec<usize>,
        /// How long a request waits for those of others.
        max_queue_delay: Duration,
        /// Each answer goes to its own call, and a stream is answered in order: there is nothing to do for it.
        preserve_ordering: bool,
    },
}

/// An input that the server fills in.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceControl {
    /// The name of the input.
    pub input: String,
    /// What it says.
    pub says: ControlKind,
}

/// What an input says of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlKind {
    /// Whether something is so.
    Flag(SequenceFlag, FlagValues),
    /// The number or the text of the sequence, in elements of this type.
    Id(DType),
}

/// What may be so of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceFlag {
    /// Its sequence begins with it.
    Start,
    /// Its sequence ends with it.
    End,
    /// Its row holds a request: always, as no others are run.
    Ready,
}

/// How no and yes are written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FlagValues {
    /// As whole numbers.
    Int32([i32; 2]),
    /// As floats.
    Fp32([f32; 2]),
    /// As truth values.
    Bool([bool; 2]),
}

impl FlagValues {
    /// The element type of the input.
    pub fn dtype(self) -> DType {
        match self {
            Self::Int32(_) => DType::I32,
            Self::Fp32(_) => DType::F32,
            Self::Bool(_) => DType::Bool,
        }
    }
}

/// An output that becomes an input of the next request.
#[derive(Clone, Debug, PartialEq)]
pub struct SequenceState {
    /// The input.
    pub input: String,
    /// The output.
    pub output: String,
    /// The element type of both.
    pub dtype: DType,
    /// The dimensions, without that of the batch where there is one; -1 is any size.
    pub dims: Vec<i64>,
    /// What the first request of a sequence is given; without it zeros, with 1 for every -1.
    pub initial: Option<InitialState>,
}

/// What the first request of a sequence is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialState {
    /// Its name, which nothing else refers to.
    pub name: String,
    /// The dimensions, without that of the batch.
    pub dims: Vec<i64>,
    /// The file in the folder `initial_state` beside the configuration; `None` is zeros.
    pub file: Option<String>,
}

impl SequenceBatching {
    /// How rows are joined, of so many at most; `None` leaves it to the server.
    pub(crate) fn batching(&self, max_batch_size: usize) -> Option<BatchConfig> {
        let config = |delay| {
            let batching = BatchConfig::default().with_max_batch_size(max_batch_size.max(1));
            batching.with_max_queue_delay(delay).with_only_what_pays(false)
        };
        match &self.strategy {
            SequenceStrategy::Direct { max_queue_delay, minimum_slot_utilization } => {
                let waits = !max_queue_delay.is_zero() && *minimum_slot_utilization > 0.0;
                let enough = (*minimum_slot_utilization * max_batch_size as f64).ceil() as usize;
                waits.then(|| config(*max_queue_delay).with_enough_rows(enough))
            }
            SequenceStrategy::Oldest { preferred_batch_size, max_queue_delay, .. } => {
                let says = !preferred_batch_size.is_empty() || !max_queue_delay.is_zero();
                let sizes = preferred_batch_size.iter().copied();
                says.then(|| config(*max_queue_delay).with_preferred_sizes(sizes))
            }
        }
    }

    /// How many sequences there may be at once, where runs of so many instances take their requests.
    pub(crate) fn candidates(&self, instances: usize) -> Option<usize> {
        match &self.strategy {
            SequenceStrategy::Oldest { max_candidate_sequences, .. } => {
                max_candidate_sequences.map(|most| most.saturating_mul(instances.max(1)))
            }
            SequenceStrategy::Direct { .. } => None,
        }
    }
}
