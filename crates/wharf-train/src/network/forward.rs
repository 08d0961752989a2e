//! Runs the plan over Burn's tape.

use rayon::prelude::*;
use wharf_transform::CounterRng;

use super::parameters::{Network, StepResult};
use super::plan::{Node, Op};
use super::shapes::Features;
use crate::kernels::loss::BatchLoss;
use crate::kernels::norm::BatchStatistics;
use crate::random::Purpose;
use crate::tape::{self, Value};

/// How the layers behave that differ between training and use.
#[derive(Clone, Copy)]
enum Mode {
    Train { seed: u64, step: u64 },
    Evaluate,
}

/// One pass through the layers.
struct Pass<'a> {
    network: &'a Network,
    mode: Mode,
    parameters: Vec<Value>,
    /// Batch statistics by place of their mean and variance among the buffers.
    statistics: Vec<(usize, usize, f32, BatchStatistics)>,
}

impl Network {
    /// The outputs before softmax.
    ///
    /// # Shapes
    /// `pictures` `[N, C, H, W]` flat; gives `[N, classes]` flat.
    pub fn logits(&self, pictures: Vec<f32>) -> Vec<f32> {
        let mut pass = Pass::new(self, Mode::Evaluate, false);
        let shape = self.batch_shape(pictures.len() / self.input_len());
        let input = tape::leaf(pictures, &shape, false);
        tape::elements(pass.run(input).primitive()).into_owned()
    }

    fn batch_shape(&self, pictures: usize) -> Vec<usize> {
        Features::Map(self.plan.input).batch(pictures)
    }

    /// Loss and gradient over one batch; running statistics are updated, parameters are not.
    ///
    /// `gradient` is overwritten, in the order of [`Network::parameters`].
    pub(crate) fn step(
        &mut self,
        pictures: Vec<f32>,
        (seed, step): (u64, u64),
        loss: impl FnOnce(&[f32]) -> BatchLoss,
        gradient: &mut [f32],
    ) -> StepResult {
        let mut pass = Pass::new(self, Mode::Train { seed, step }, true);
        let shape = self.batch_shape(pictures.len() / self.input_len());
        let logits = pass.run(tape::leaf(pictures, &shape, false));
        let cost = loss(&tape::elements(logits.primitive()));
        let result = StepResult { loss: cost.loss, correct: cost.correct };
        let mut gradients = tape::backward(tape::scalar(&logits, cost.loss, cost.gradient));
        for (spec, value) in self.plan.parameters.iter().zip(&pass.parameters) {
            let target = &mut gradient[spec.range()];
            match tape::take_gradient(value, &mut gradients) {
                Some(values) => target.copy_from_slice(&tape::elements(&values)),
                None => target.fill(0.0),
            }
        }
        let statistics = std::mem::take(&mut pass.statistics);
        self.update_statistics(&statistics);
        result
    }

    fn update_statistics(&mut self, statistics: &[(usize, usize, f32, BatchStatistics)]) {
        for (mean, variance, momentum, batch) in statistics {
            // The running variance is unbiased, as in PyTorch, though the batch is normalised by the biased one.
            let unbiased = batch.count as f32 / (batch.count as f32 - 1.0).max(1.0);
            let range = self.plan.buffers[*mean].range();
            blend(&mut self.buffers[range], &batch.mean, *momentum, 1.0);
            let range = self.plan.buffers[*variance].range();
            blend(&mut self.buffers[range], &batch.variance, *momentum, unbiased);
        }
    }
}

fn blend(running: &mut [f32], batch: &[f32], momentum: f32, factor: f32) {
    for (running, batch) in running.iter_mut().zip(batch) {
        *running = (1.0 - momentum) * *running + momentum * (batch * factor);
    }
}

impl<'a> Pass<'a> {
    fn new(network: &'a Network, mode: Mode, tracked: bool) -> Self {
        let parameters = network.plan.parameters.iter();
        let parameters = parameters
            .map(|spec| tape::leaf(network.parameters[spec.range()].to_vec(), &spec.shape, tracked))
            .collect();
        Self { network, mode, parameters, statistics: Vec::new() }
    }

    fn run(&mut self, input: Value) -> Value {
        let network = self.network;
        self.sequence(&network.plan.nodes, input)
    }

    fn sequence(&mut self, nodes: &[Node], input: Value) -> Value {
        nodes.iter().fold(input, |value, node| self.node(node, value))
    }

    fn node(&mut self, node: &Node, input: Value) -> Value {
        match &node.op {
            Op::Conv { geometry, weight, bias } => {
                let bias = self.bias(*bias, geometry.output[0]);
                tape::conv2d(geometry, &input, &self.parameters[*weight], &bias)
            }
            Op::Linear { geometry, weight, bias } => {
                let bias = self.bias(*bias, geometry.outputs);
                tape::linear(*geometry, &input, &self.parameters[*weight], &bias)
            }
            Op::MaxPool(geometry) => tape::max_pool(*geometry, &input),
            Op::AveragePool(geometry) => tape::average_pool(*geometry, &input),
            Op::BatchNorm { .. } => self.batch_norm(&node.op, &input),
            Op::Dropout { probability, number } => self.dropout(&input, *probability, *number),
            Op::Relu => tape::relu(&input),
            Op::Gelu => tape::gelu(&input),
            Op::Flatten => tape::reshape(&input, &node.output.batch(tape::dims(&input)[0])),
            Op::Residual { body, shortcut } => {
                let through = self.sequence(body, input.clone());
                let around = self.sequence(shortcut, input);
                tape::add(&through, &around)
            }
        }
    }

    fn bias(&self, bias: Option<usize>, length: usize) -> Value {
        match bias {
            Some(number) => self.parameters[number].clone(),
            None => tape::leaf(vec![0.0; length], &[length], false),
        }
    }

    fn batch_norm(&mut self, op: &Op, input: &Value) -> Value {
        let Op::BatchNorm { weight, bias, mean, variance, epsilon, momentum } = *op else {
            return input.clone();
        };
        let given = match self.mode {
            Mode::Train { .. } => None,
            Mode::Evaluate => Some(BatchStatistics {
                mean: self.network.buffer(mean).to_vec(),
                variance: self.network.buffer(variance).to_vec(),
                count: 0,
            }),
        };
        let (weight, bias) = (&self.parameters[weight], &self.parameters[bias]);
        let (value, statistics) = tape::batch_norm(input, weight, bias, epsilon, given);
        if let Mode::Train { .. } = self.mode {
            self.statistics.push((mean, variance, momentum, statistics));
        }
        value
    }

    fn dropout(&self, input: &Value, probability: f32, number: usize) -> Value {
        let Mode::Train { seed, step } = self.mode else { return input.clone() };
        let shape = tape::dims(input);
        let width: usize = shape[1..].iter().product();
        let scale = 1.0 / (1.0 - probability);
        let mut mask = vec![0.0; shape[0] * width];
        mask.par_chunks_mut(width).enumerate().for_each(|(picture, mask)| {
            let parts = [seed, Purpose::Dropout as u64, step, number as u64, picture as u64];
            let mut random = CounterRng::new(&parts);
            for value in mask {
                *value = if random.uniform_f32() < probability { 0.0 } else { scale };
            }
        });
        tape::dropout(input, mask)
    }
}
