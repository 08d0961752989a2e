//! From declared layers to a plan: every shape inferred, every parameter named and placed.

use serde::Serialize;

use super::declaration::{Layer, LayerKind, Shortcut};
use super::parameters::{BufferSpec, Init, ParameterSpec};
use super::shapes::{Features, MAX_ELEMENTS, check_given, map_of, pooled, windows};
use crate::kernels::conv::ConvGeometry;
use crate::kernels::linear::LinearGeometry;
use crate::kernels::pool::PoolGeometry;

/// Why layers do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerProblem {
    /// The layer, as `layers[3] linear`.
    pub layer: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The resolved network.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plan {
    pub(crate) nodes: Vec<Node>,
    pub(crate) parameters: Vec<ParameterSpec>,
    pub(crate) buffers: Vec<BufferSpec>,
    pub(crate) input: [usize; 3],
    pub(crate) outputs: usize,
}

/// One layer with what comes out of it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) op: Op,
    pub(crate) output: Features,
}

/// What a node computes; numbers are places in the plan's parameters and buffers.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Conv { geometry: ConvGeometry, weight: usize, bias: Option<usize> },
    MaxPool(PoolGeometry),
    AveragePool(PoolGeometry),
    BatchNorm { weight: usize, bias: usize, mean: usize, variance: usize, epsilon: f32, momentum: f32 },
    Linear { geometry: LinearGeometry, weight: usize, bias: Option<usize> },
    Dropout { probability: f32, number: usize },
    Relu,
    Gelu,
    Flatten,
    Residual { body: Vec<Node>, shortcut: Vec<Node> },
}

impl Plan {
    /// Infers every shape from the picture's `[channels, height, width]`.
    pub(crate) fn new(input: [usize; 3], layers: &[Layer]) -> Result<Self, Vec<LayerProblem>> {
        let mut planner =
            Planner { plan: Plan { input, ..Plan::default() }, problems: Vec::new(), dropouts: 0 };
        let (nodes, output) = planner.sequence(Features::Map(input), layers, "layers", "");
        planner.plan.nodes = nodes;
        match output {
            Some(Features::Flat(outputs)) => planner.plan.outputs = outputs,
            Some(features) => planner.problem(
                "layers",
                format!("the last layer gives {features}, expected a vector of one number per class"),
            ),
            None => {}
        }
        if planner.problems.is_empty() { Ok(planner.plan) } else { Err(planner.problems) }
    }
}

struct Planner {
    plan: Plan,
    problems: Vec<LayerProblem>,
    dropouts: usize,
}

impl Planner {
    fn problem(&mut self, layer: &str, problem: String) {
        self.problems.push(LayerProblem { layer: layer.to_owned(), problem });
    }

    /// Plans `layers` one after the other; `None` where a layer's output cannot be told.
    fn sequence(
        &mut self,
        input: Features,
        layers: &[Layer],
        path: &str,
        prefix: &str,
    ) -> (Vec<Node>, Option<Features>) {
        let (mut nodes, mut features) = (Vec::with_capacity(layers.len()), input);
        for (index, layer) in layers.iter().enumerate() {
            let path = format!("{path}[{index}]");
            let name = layer.name.clone().unwrap_or_else(|| index.to_string());
            match self.node(features, &layer.kind, &path, &format!("{prefix}{name}")) {
                Ok(node) => {
                    features = node.output;
                    nodes.push(node);
                }
                Err(problem) => {
                    if !problem.is_empty() {
                        self.problem(&format!("{path} {}", layer.kind.op()), problem);
                    }
                    return (nodes, None);
                }
            }
        }
        (nodes, Some(features))
    }

    fn node(&mut self, input: Features, kind: &LayerKind, path: &str, name: &str) -> Result<Node, String> {
        let (op, output) = match kind {
            LayerKind::Conv { .. } => self.conv(input, kind, name)?,
            LayerKind::MaxPool { .. } | LayerKind::GlobalMaxPool => {
                let output = pooled(input, kind)?;
                (Op::MaxPool(pool_geometry(input, output, kind)?), output)
            }
            LayerKind::AvgPool { .. } | LayerKind::GlobalAvgPool => {
                let output = pooled(input, kind)?;
                (Op::AveragePool(pool_geometry(input, output, kind)?), output)
            }
            LayerKind::BatchNorm { epsilon, momentum } => {
                (self.norm(input, name, *epsilon, *momentum), input)
            }
            LayerKind::Linear { .. } => self.linear(input, kind, name)?,
            LayerKind::Dropout { probability } => {
                self.dropouts += 1;
                (Op::Dropout { probability: *probability, number: self.dropouts }, input)
            }
            LayerKind::Relu => (Op::Relu, input),
            LayerKind::Gelu => (Op::Gelu, input),
            LayerKind::Flatten => (Op::Flatten, Features::Flat(input.count())),
            LayerKind::Residual { layers, shortcut } => {
                return self.residual(input, layers, *shortcut, path, name);
            }
        };
        Ok(Node { op, output })
    }

    fn conv(&mut self, input: Features, kind: &LayerKind, name: &str) -> Result<(Op, Features), String> {
        let LayerKind::Conv { in_channels, out_channels, kernel, stride, padding, groups, bias } = kind
        else {
            return Err("is not a convolution".to_owned());
        };
        let dims = map_of(input)?;
        check_given(*in_channels, dims[0], "input channels")?;
        if *groups == 0 || dims[0] % groups != 0 || out_channels % groups != 0 || *out_channels == 0 {
            return Err(format!(
                "`groups` {groups} does not divide {} input and {out_channels} output channels",
                dims[0]
            ));
        }
        let rows = windows(dims[1], kernel[0], *stride, *padding)?;
        let columns = windows(dims[2], kernel[1], *stride, *padding)?;
        let output = [*out_channels, rows, columns];
        check_size(&output)?;
        let shape = [*out_channels, dims[0] / groups, kernel[0], kernel[1]];
        check_size(&shape)?;
        let (weight, bias) = self.weighted(name, &shape, *bias);
        let geometry = ConvGeometry {
            input: dims,
            output,
            kernel: *kernel,
            stride: *stride,
            padding: *padding,
            groups: *groups,
        };
        Ok((Op::Conv { geometry, weight, bias }, Features::Map(output)))
    }

    fn linear(&mut self, input: Features, kind: &LayerKind, name: &str) -> Result<(Op, Features), String> {
        let LayerKind::Linear { in_features, out_features, bias } = kind else {
            return Err("is not a linear layer".to_owned());
        };
        let Features::Flat(inputs) = input else {
            return Err(format!("expects a vector, the layer before gives {input}; put a `flatten` between"));
        };
        check_given(*in_features, inputs, "inputs")?;
        if *out_features == 0 {
            return Err("`out_features` must be at least 1".to_owned());
        }
        check_size(&[*out_features, inputs])?;
        let (weight, bias) = self.weighted(name, &[*out_features, inputs], *bias);
        let geometry = LinearGeometry { inputs, outputs: *out_features };
        Ok((Op::Linear { geometry, weight, bias }, Features::Flat(*out_features)))
    }

    fn weighted(&mut self, name: &str, shape: &[usize], with_bias: bool) -> (usize, Option<usize>) {
        let bound = 1.0 / (shape[1..].iter().product::<usize>() as f32).sqrt();
        let weight = self.parameter(format!("{name}.weight"), shape, Init::Uniform(bound));
        let bias =
            with_bias.then(|| self.parameter(format!("{name}.bias"), &shape[..1], Init::Uniform(bound)));
        (weight, bias)
    }

    fn norm(&mut self, input: Features, name: &str, epsilon: f32, momentum: f32) -> Op {
        let channels = match input {
            Features::Map([channels, ..]) | Features::Flat(channels) => channels,
        };
        Op::BatchNorm {
            weight: self.parameter(format!("{name}.weight"), &[channels], Init::Constant(1.0)),
            bias: self.parameter(format!("{name}.bias"), &[channels], Init::Constant(0.0)),
            mean: self.buffer(format!("{name}.running_mean"), channels, 0.0),
            variance: self.buffer(format!("{name}.running_var"), channels, 1.0),
            epsilon,
            momentum,
        }
    }

    fn residual(
        &mut self,
        input: Features,
        layers: &[Layer],
        shortcut: Shortcut,
        path: &str,
        name: &str,
    ) -> Result<Node, String> {
        let before = self.problems.len();
        let (body, output) =
            self.sequence(input, layers, &format!("{path}.layers"), &format!("{name}.layers."));
        let Some(output) = output else {
            // The inner layer has said what is wrong.
            return Err(if self.problems.len() > before {
                String::new()
            } else {
                "has no output".to_owned()
            });
        };
        let shortcut = match shortcut {
            Shortcut::Identity if input == output => Vec::new(),
            Shortcut::Identity => {
                return Err(format!(
                    "the inner layers turn {input} into {output}; set `shortcut` to `projection` or keep the shape"
                ));
            }
            Shortcut::Projection => vec![self.projection(input, output, name, true)?],
            Shortcut::ProjectionNorm => {
                let convolution = self.projection(input, output, name, false)?;
                let norm = self.norm(output, &format!("{name}.shortcut.1"), 1e-5, 0.1);
                vec![convolution, Node { op: norm, output }]
            }
        };
        Ok(Node { op: Op::Residual { body, shortcut }, output })
    }

    fn projection(
        &mut self,
        input: Features,
        output: Features,
        name: &str,
        bias: bool,
    ) -> Result<Node, String> {
        let (from, to) = (map_of(input)?, map_of(output)?);
        let stride = from[1].div_ceil(to[1].max(1)).max(1);
        let kind = LayerKind::Conv {
            in_channels: None,
            out_channels: to[0],
            kernel: [1, 1],
            stride,
            padding: 0,
            groups: 1,
            bias,
        };
        let (op, reached) = self.conv(input, &kind, &format!("{name}.shortcut.0"))?;
        if reached != output {
            return Err(format!("no stride of a 1x1 convolution turns {input} into {output}"));
        }
        Ok(Node { op, output })
    }

    fn parameter(&mut self, name: String, shape: &[usize], init: Init) -> usize {
        if self.plan.parameters.iter().any(|other| other.name == name) {
            self.problem(
                "layers",
                format!("two parameters would be called `{name}`; give the layers different names"),
            );
        }
        let offset = self.plan.parameters.last().map_or(0, |last| last.offset + last.len());
        self.plan.parameters.push(ParameterSpec { name, shape: shape.to_vec(), offset, init });
        self.plan.parameters.len() - 1
    }

    fn buffer(&mut self, name: String, length: usize, start: f32) -> usize {
        let offset = self.plan.buffers.last().map_or(0, |last| last.offset + last.length);
        self.plan.buffers.push(BufferSpec { name, length, offset, start });
        self.plan.buffers.len() - 1
    }
}

fn check_size(shape: &[usize]) -> Result<(), String> {
    let elements = shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size));
    match elements {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(()),
        _ => Err(format!("{shape:?} is more than {MAX_ELEMENTS} elements")),
    }
}

fn pool_geometry(input: Features, output: Features, kind: &LayerKind) -> Result<PoolGeometry, String> {
    let (input, output) = (map_of(input)?, map_of(output)?);
    let (kernel, stride, padding) = match kind {
        LayerKind::MaxPool { kernel, stride, padding } | LayerKind::AvgPool { kernel, stride, padding } => {
            (*kernel, *stride, *padding)
        }
        _ => ([input[1], input[2]], 1, 0),
    };
    Ok(PoolGeometry { input, output: [output[1], output[2]], kernel, stride: [stride; 2], padding })
}
