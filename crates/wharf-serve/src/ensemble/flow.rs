//! The tensors of one request on their way through the graph.

use std::collections::{BTreeMap, BTreeSet};

use wharf_infer::NamedTensor;
use wharf_tensor::Tensor;

use crate::settings::triton::EnsembleStep;

/// What has been computed, and what waits for it.
pub(super) struct Flow<'a> {
    steps: &'a [EnsembleStep],
    /// The places of the steps that have not begun.
    waiting: Vec<usize>,
    tensors: BTreeMap<String, Tensor>,
}

impl<'a> Flow<'a> {
    /// A flow that ends with `wanted`: steps of which nothing comes that is wanted are left out.
    pub(super) fn new(steps: &'a [EnsembleStep], inputs: &[NamedTensor], wanted: &[String]) -> Self {
        let tensors = inputs.iter().map(|input| (input.name.clone(), input.tensor.clone())).collect();
        Self { steps, waiting: needed(steps, wanted), tensors }
    }

    /// Takes out the steps that can begin.
    pub(super) fn take_ready(&mut self) -> Vec<usize> {
        let is_there = |name: &String| self.tensors.contains_key(name);
        let is_ready =
            |place: &usize| self.steps[*place].inputs.iter().all(|input| is_there(&input.ensemble_tensor));
        let (ready, waiting) = self.waiting.iter().copied().partition(is_ready);
        self.waiting = waiting;
        ready
    }

    /// What a step that can begin takes.
    pub(super) fn inputs_of(&self, place: usize) -> Vec<NamedTensor> {
        let take = |input: &crate::settings::triton::TensorMapping| {
            let tensor = self.tensors.get(&input.ensemble_tensor)?.clone();
            Some(NamedTensor::new(input.model_tensor.as_str(), tensor))
        };
        self.steps[place].inputs.iter().filter_map(take).collect()
    }

    /// Takes in what a step gave.
    pub(super) fn finish(&mut self, place: usize, outputs: Vec<NamedTensor>) {
        for output in outputs {
            let mut mapped = self.steps[place].outputs.iter();
            if let Some(mapped) = mapped.find(|mapped| mapped.model_tensor == output.name) {
                self.tensors.insert(mapped.ensemble_tensor.clone(), output.tensor);
            }
        }
    }

    /// A tensor that has been computed.
    pub(super) fn take(&mut self, name: &str) -> Option<NamedTensor> {
        Some(NamedTensor::new(name, self.tensors.remove(name)?))
    }
}

/// The places of the steps that `wanted` depends on, in order.
fn needed(steps: &[EnsembleStep], wanted: &[String]) -> Vec<usize> {
    let (mut places, mut open) = (BTreeSet::new(), wanted.iter().collect::<Vec<_>>());
    while let Some(name) = open.pop() {
        let gives = |step: &EnsembleStep| step.outputs.iter().any(|output| output.ensemble_tensor == *name);
        let Some(place) = steps.iter().position(gives) else { continue };
        if places.insert(place) {
            open.extend(steps[place].inputs.iter().map(|input| &input.ensemble_tensor));
        }
    }
    places.into_iter().collect()
}
