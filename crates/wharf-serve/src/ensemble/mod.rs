//! Ensembles: a graph of models that answers like one.
//!
//! A member is asked as any client asks it: it joins requests with others, counts them, and may be reloaded meanwhile.
//! Which tensors flow where is checked when the ensemble is loaded, by what its members are then.

mod check;
mod flow;
mod members;
mod placeholder;
mod run;

use std::sync::Arc;

use wharf_infer::ModelRef;

use crate::settings::triton::{EnsembleStep, TritonConfig};

pub(crate) use check::open;
pub(crate) use members::{all_wanted, members};

/// The graph of a version that is loaded.
pub(crate) struct Ensemble {
    config: Arc<TritonConfig>,
    /// Of each step, whether its model keeps states from request to request of a sequence.
    in_sequences: Vec<bool>,
}

impl Ensemble {
    /// The steps, in the order of the file.
    pub(crate) fn steps(&self) -> &[EnsembleStep] {
        self.config.ensemble.as_deref().unwrap_or_default()
    }

    /// Whether a step is told of the sequence that a request belongs to.
    fn is_in_sequences(&self, place: usize) -> bool {
        self.in_sequences.get(place).copied().unwrap_or_default()
    }

    /// Whether any is.
    pub(crate) fn takes_sequences(&self) -> bool {
        self.in_sequences.contains(&true)
    }
}

impl EnsembleStep {
    /// The model that answers it.
    fn reference(&self) -> ModelRef {
        match self.version {
            Some(version) => ModelRef::specific(&self.model, version),
            None => ModelRef::latest(&self.model),
        }
    }
}
