//! The parameters and buffers of a network, each one flat vector.

use serde::Serialize;
use wharf_transform::CounterRng;

use super::declaration::Layer;
use super::plan::{LayerProblem, Plan};
use crate::random::Purpose;

/// How a parameter starts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) enum Init {
    /// Evenly in `-bound..bound`, PyTorch's default for convolutions and linear layers.
    Uniform(f32),
    /// All the same.
    Constant(f32),
}

/// A parameter's name and place.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// As in a PyTorch state dict.
    pub name: String,
    /// In PyTorch's layout: `[out, in]`, `[out, in, height, width]`.
    pub shape: Vec<usize>,
    pub(crate) offset: usize,
    pub(crate) init: Init,
}

/// The name and place of running statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct BufferSpec {
    /// As in a PyTorch state dict.
    pub name: String,
    /// How many numbers there are.
    pub length: usize,
    pub(crate) offset: usize,
    pub(crate) start: f32,
}

impl ParameterSpec {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.len()
    }
}

impl BufferSpec {
    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.length
    }
}

/// A network: the plan of its layers with its numbers.
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) plan: Plan,
    pub(crate) parameters: Vec<f32>,
    pub(crate) buffers: Vec<f32>,
}

/// What one training step found.
#[derive(Clone, Debug, PartialEq)]
pub struct StepResult {
    /// The loss over the batch.
    pub loss: f32,
    /// How many pictures were classified rightly.
    pub correct: usize,
}

impl Network {
    /// A network with fresh parameters drawn from `seed`, for pictures of `[channels, height, width]`.
    ///
    /// # Errors
    /// The layers do not fit together; every problem names its layer.
    pub fn new(input: [usize; 3], layers: &[Layer], seed: u64) -> Result<Self, Vec<LayerProblem>> {
        let plan = Plan::new(input, layers)?;
        let mut parameters = Vec::new();
        for (number, spec) in plan.parameters.iter().enumerate() {
            let mut random = CounterRng::new(&[seed, Purpose::Initialise as u64, number as u64]);
            parameters.extend((0..spec.len()).map(|_| match spec.init {
                Init::Constant(value) => value,
                Init::Uniform(bound) => (2.0 * random.uniform_f32() - 1.0) * bound,
            }));
        }
        let buffers =
            plan.buffers.iter().flat_map(|spec| std::iter::repeat_n(spec.start, spec.length)).collect();
        Ok(Self { plan, parameters, buffers })
    }

    /// Names, shapes and places of the parameters.
    pub fn parameter_specs(&self) -> &[ParameterSpec] {
        &self.plan.parameters
    }

    /// Names and places of the running statistics.
    pub fn buffer_specs(&self) -> &[BufferSpec] {
        &self.plan.buffers
    }

    /// All parameters, one after the other.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// All running statistics, one after the other.
    pub fn buffers(&self) -> &[f32] {
        &self.buffers
    }

    /// How many numbers a picture has.
    pub fn input_len(&self) -> usize {
        self.plan.input.iter().product()
    }

    /// Channels, height and width of a picture.
    pub fn input_shape(&self) -> [usize; 3] {
        self.plan.input
    }

    /// How many classes the network tells apart.
    pub fn classes(&self) -> usize {
        self.plan.outputs
    }

    pub(crate) fn parameter(&self, number: usize) -> &[f32] {
        &self.parameters[self.plan.parameters[number].range()]
    }

    pub(crate) fn buffer(&self, number: usize) -> &[f32] {
        &self.buffers[self.plan.buffers[number].range()]
    }
}
