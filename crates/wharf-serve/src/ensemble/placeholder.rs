//! What stands where other models have their weights.

use std::sync::Arc;

use wharf_engine::{EngineError, EngineErrorKind, Replica, StopSignal};
use wharf_tensor::{Tensor, TensorSpec};

/// Says what goes in and what comes out, and cannot be run: requests go through the graph.
pub(super) struct Placeholder {
    inputs: Vec<TensorSpec>,
    outputs: Vec<TensorSpec>,
}

impl Placeholder {
    pub(super) fn new(inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> Arc<Self> {
        Arc::new(Self { inputs, outputs })
    }
}

impl Replica for Placeholder {
    fn inputs(&self) -> &[TensorSpec] {
        &self.inputs
    }

    fn outputs(&self) -> &[TensorSpec] {
        &self.outputs
    }

    fn run_until(
        &self,
        _: &[(&str, Tensor)],
        _: &[&str],
        _: &StopSignal,
    ) -> Result<Vec<Tensor>, EngineError> {
        Err(EngineError::new(EngineErrorKind::Failed, "an ensemble is answered by its members"))
    }
}
