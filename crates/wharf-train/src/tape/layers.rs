//! The layers as recorded steps.

use burn_flex::FlexTensor;

use super::{Step, Value, dims, elements, record, tensor};
use crate::kernels::activation;
use crate::kernels::conv::{self, ConvGeometry};
use crate::kernels::linear::{self, LinearGeometry};
use crate::kernels::norm::{self, BatchStatistics};
use crate::kernels::pool::{self, PoolGeometry};

#[derive(Clone, Debug)]
struct ConvStep {
    geometry: ConvGeometry,
    input: FlexTensor,
    weight: FlexTensor,
}

impl Step<3> for ConvStep {
    fn backward(&self, gradient: &FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let (input, weight) = (elements(&self.input), elements(&self.weight));
        let gradients = conv::backward(&self.geometry, &input, &weight, &elements(gradient), wanted[0]);
        [
            wanted[0].then(|| like(&self.input, gradients.input)),
            wanted[1].then(|| like(&self.weight, gradients.weight)),
            wanted[2].then(|| vector(gradients.bias)),
        ]
    }
}

fn like(tensor: &FlexTensor, values: Vec<f32>) -> FlexTensor {
    let dims: Vec<usize> = tensor.layout().shape().iter().copied().collect();
    super::tensor(values, &dims)
}

fn vector(values: Vec<f32>) -> FlexTensor {
    let length = values.len();
    tensor(values, &[length])
}

/// Convolution of `[N, C, H, W]` by `[O, C / groups, kh, kw]`.
pub(crate) fn conv2d(geometry: &ConvGeometry, input: &Value, weight: &Value, bias: &Value) -> Value {
    let (x, w) = (input.primitive(), weight.primitive());
    let output = conv::forward(geometry, &elements(x), &elements(w), &elements(bias.primitive()));
    let [channels, height, width] = geometry.output;
    let output = tensor(output, &[dims(input)[0], channels, height, width]);
    record([input, weight, bias], output, || ConvStep {
        geometry: geometry.clone(),
        input: x.clone(),
        weight: w.clone(),
    })
}

#[derive(Clone, Debug)]
struct LinearStep {
    geometry: LinearGeometry,
    input: FlexTensor,
    weight: FlexTensor,
}

impl Step<3> for LinearStep {
    fn backward(&self, gradient: &FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let (input, weight) = (elements(&self.input), elements(&self.weight));
        let gradients = linear::backward(self.geometry, &input, &weight, &elements(gradient), wanted[0]);
        [
            wanted[0].then(|| like(&self.input, gradients.input)),
            wanted[1].then(|| like(&self.weight, gradients.weight)),
            wanted[2].then(|| vector(gradients.bias)),
        ]
    }
}

/// `input x weight^T + bias` for `[N, I]` and `[O, I]`.
pub(crate) fn linear(geometry: LinearGeometry, input: &Value, weight: &Value, bias: &Value) -> Value {
    let (x, w) = (input.primitive(), weight.primitive());
    let output = linear::forward(geometry, &elements(x), &elements(w), &elements(bias.primitive()));
    let output = tensor(output, &[dims(input)[0], geometry.outputs]);
    record([input, weight, bias], output, || LinearStep { geometry, input: x.clone(), weight: w.clone() })
}

#[derive(Clone, Debug)]
struct MaxPoolStep {
    geometry: PoolGeometry,
    batch: usize,
    indices: Vec<u32>,
}

impl Step<1> for MaxPoolStep {
    fn backward(&self, gradient: &FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let input = pool::max_backward(&self.geometry, &self.indices, &elements(gradient));
        let [channels, height, width] = self.geometry.input;
        [Some(tensor(input, &[self.batch, channels, height, width]))]
    }
}

/// Maximum pooling of `[N, C, H, W]`.
pub(crate) fn max_pool(geometry: PoolGeometry, input: &Value) -> Value {
    let batch = dims(input)[0];
    let (output, indices) = pool::max_forward(&geometry, &elements(input.primitive()));
    let output = tensor(output, &[batch, geometry.input[0], geometry.output[0], geometry.output[1]]);
    record([input], output, || MaxPoolStep { geometry, batch, indices })
}

#[derive(Clone, Debug)]
struct AveragePoolStep {
    geometry: PoolGeometry,
    batch: usize,
}

impl Step<1> for AveragePoolStep {
    fn backward(&self, gradient: &FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let input = pool::average_backward(&self.geometry, &elements(gradient));
        let [channels, height, width] = self.geometry.input;
        [Some(tensor(input, &[self.batch, channels, height, width]))]
    }
}

/// Average pooling of `[N, C, H, W]`.
pub(crate) fn average_pool(geometry: PoolGeometry, input: &Value) -> Value {
    let batch = dims(input)[0];
    let output = pool::average_forward(&geometry, &elements(input.primitive()));
    let output = tensor(output, &[batch, geometry.input[0], geometry.output[0], geometry.output[1]]);
    record([input], output, || AveragePoolStep { geometry, batch })
}

#[derive(Clone, Debug)]
struct BatchNormStep {
    area: usize,
    statistics: BatchStatistics,
    from_batch: bool,
    epsilon: f32,
    input: FlexTensor,
    weight: FlexTensor,
}

impl Step<3> for BatchNormStep {
    fn backward(&self, gradient: &FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let gradients = norm::backward(
            &elements(&self.input),
            self.area,
            &self.statistics,
            &elements(&self.weight),
            &elements(gradient),
            self.epsilon,
            self.from_batch,
        );
        [
            wanted[0].then(|| like(&self.input, gradients.input)),
            wanted[1].then(|| vector(gradients.weight)),
            wanted[2].then(|| vector(gradients.bias)),
        ]
    }
}

/// Batch normalisation by `given` statistics, or by the batch's own, which are handed back.
pub(crate) fn batch_norm(
    input: &Value,
    weight: &Value,
    bias: &Value,
    epsilon: f32,
    given: Option<BatchStatistics>,
) -> (Value, BatchStatistics) {
    let shape = dims(input);
    let (channels, area) = (shape[1], shape[2..].iter().product());
    let (x, w) = (elements(input.primitive()), elements(weight.primitive()));
    let from_batch = given.is_none();
    let statistics = given.unwrap_or_else(|| norm::statistics(&x, channels, area));
    let output = norm::normalise(&x, area, &statistics, &w, &elements(bias.primitive()), epsilon);
    let value = record([input, weight, bias], tensor(output, &shape), || BatchNormStep {
        area,
        statistics: statistics.clone(),
        from_batch,
        epsilon,
        input: input.primitive().clone(),
        weight: weight.primitive().clone(),
    });
    (value, statistics)
}

/// An element-wise step: its gradient is a function of the kept tensor and the output's gradient.
#[derive(Clone, Debug)]
struct ElementStep {
    kept: FlexTensor,
    rule: Rule,
}

/// The element-wise gradients; each is a loop of its own, so that the compiler sees the function in it.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Relu,
    Gelu,
    Product,
}

impl Step<1> for ElementStep {
    fn backward(&self, gradient: &FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let (kept, gradient) = (elements(&self.kept), elements(gradient));
        let values = match self.rule {
            Rule::Relu => activation::map2(&kept, &gradient, activation::relu_gradient),
            Rule::Gelu => activation::map2(&kept, &gradient, activation::gelu_gradient),
            Rule::Product => activation::map2(&kept, &gradient, |factor, gradient| factor * gradient),
        };
        [Some(like(&self.kept, values))]
    }
}

/// Rectifier.
pub(crate) fn relu(input: &Value) -> Value {
    let output = tensor(activation::map(&elements(input.primitive()), activation::relu), &dims(input));
    let kept = output.clone();
    record([input], output, || ElementStep { kept, rule: Rule::Relu })
}

/// Gaussian error linear unit, the exact form.
pub(crate) fn gelu(input: &Value) -> Value {
    let output = tensor(activation::map(&elements(input.primitive()), activation::gelu), &dims(input));
    let kept = input.primitive().clone();
    record([input], output, || ElementStep { kept, rule: Rule::Gelu })
}

/// Multiplies by a mask of zeros and `1 / keep`.
pub(crate) fn dropout(input: &Value, mask: Vec<f32>) -> Value {
    let mask = tensor(mask, &dims(input));
    let output =
        activation::map2(&elements(input.primitive()), &elements(&mask), |value, factor| value * factor);
    record([input], tensor(output, &dims(input)), || ElementStep { kept: mask, rule: Rule::Product })
}

#[derive(Clone, Debug)]
struct AddStep;

impl Step<2> for AddStep {
    fn backward(&self, gradient: &FlexTensor, _wanted: [bool; 2]) -> [Option<FlexTensor>; 2] {
        [Some(gradient.clone()), Some(gradient.clone())]
    }
}

/// Sum of two tensors of one shape.
pub(crate) fn add(left: &Value, right: &Value) -> Value {
    let sum = |left, right| left + right;
    let output = activation::map2(&elements(left.primitive()), &elements(right.primitive()), sum);
    record([left, right], tensor(output, &dims(left)), || AddStep)
}

#[derive(Clone, Debug)]
struct ReshapeStep {
    input: Vec<usize>,
}

impl Step<1> for ReshapeStep {
    fn backward(&self, gradient: &FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(gradient.reshape(self.input.clone().into()))]
    }
}

/// The same elements under other dimensions.
pub(crate) fn reshape(input: &Value, shape: &[usize]) -> Value {
    let output = input.primitive().reshape(shape.to_vec().into());
    record([input], output, || ReshapeStep { input: dims(input) })
}

#[derive(Clone, Debug)]
struct ScalarStep {
    gradient: FlexTensor,
}

impl Step<1> for ScalarStep {
    fn backward(&self, gradient: &FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let factor = elements(gradient).first().copied().unwrap_or(0.0);
        let scaled = activation::map(&elements(&self.gradient), |value| value * factor);
        [Some(like(&self.gradient, scaled))]
    }
}

/// A scalar function of `input` of which value and gradient are known.
pub(crate) fn scalar(input: &Value, value: f32, gradient: Vec<f32>) -> Value {
    let gradient = tensor(gradient, &dims(input));
    record([input], tensor(vec![value], &[1]), || ScalarStep { gradient })
}
