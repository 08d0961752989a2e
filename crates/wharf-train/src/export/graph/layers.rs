//! Each layer as nodes of the graph, with PyTorch's meaning.

use wharf_onnx::{BatchNorm, Conv2d, GraphBuilder, Value, Window};

use super::constant;
use super::fold::{Norm, folded};
use crate::error::TrainError;
use crate::kernels::conv::ConvGeometry;
use crate::kernels::pool::PoolGeometry;
use crate::network::{Network, Node, Op};

/// Writes layers into a graph.
pub(super) struct Layers<'a> {
    pub(super) graph: GraphBuilder,
    pub(super) network: &'a Network,
    /// Whether a batch normalisation becomes part of the convolution or linear layer right before it.
    pub(super) is_folded: bool,
}

impl<'a> Layers<'a> {
    /// One layer after the other.
    pub(super) fn sequence(&mut self, nodes: &[Node], mut value: Value) -> Result<Value, TrainError> {
        let mut rest = nodes;
        while let [node, after @ ..] = rest {
            rest = after;
            if !matches!(node.op, Op::Conv { .. } | Op::Linear { .. }) {
                value = self.plain(&node.op, value)?;
                continue;
            }
            let norm = after.first().filter(|_| self.is_folded).and_then(|next| self.norm_of(&next.op));
            if norm.is_some() {
                rest = &after[1..];
            }
            value = self.weighted(&node.op, value, norm)?;
        }
        Ok(value)
    }

    /// A convolution or linear layer, with the batch normalisation that follows if it is to be folded in.
    fn weighted(&mut self, op: &Op, value: Value, norm: Option<Norm<'a>>) -> Result<Value, TrainError> {
        let (Op::Conv { weight, bias, .. } | Op::Linear { weight, bias, .. }) = op else { return Ok(value) };
        let (weight, bias) = match norm {
            None => (self.parameter(*weight)?, bias.map(|bias| self.parameter(bias)).transpose()?),
            Some(norm) => {
                let (weight, bias) = self.folded(*weight, *bias, &norm)?;
                (weight, Some(bias))
            }
        };
        Ok(match op {
            Op::Conv { geometry, .. } => {
                self.graph.conv2d(&value, &weight, bias.as_ref(), &conv_of(geometry))
            }
            _ => self.graph.linear(&value, &weight, bias.as_ref()),
        })
    }

    fn plain(&mut self, op: &Op, value: Value) -> Result<Value, TrainError> {
        let graph = &mut self.graph;
        Ok(match op {
            // In use, dropout does nothing.
            Op::Dropout { .. } | Op::Conv { .. } | Op::Linear { .. } => value,
            Op::MaxPool(geometry) if is_global(geometry) => graph.global_max_pool(&value),
            Op::MaxPool(geometry) => graph.max_pool2d(&value, &window_of(geometry)),
            Op::AveragePool(geometry) if is_global(geometry) => graph.global_average_pool(&value),
            Op::AveragePool(geometry) => graph.average_pool2d(&value, &window_of(geometry), true),
            Op::BatchNorm { .. } => self.batch_norm(op, &value)?,
            Op::Relu => graph.relu(&value),
            Op::Gelu => graph.gelu(&value),
            Op::Flatten => graph.flatten(&value, 1),
            Op::Residual { body, shortcut } => {
                let through = self.sequence(body, value.clone())?;
                let around = self.sequence(shortcut, value)?;
                self.graph.add(&through, &around)
            }
        })
    }

    fn batch_norm(&mut self, op: &Op, value: &Value) -> Result<Value, TrainError> {
        let Op::BatchNorm { weight, bias, mean, variance, epsilon, .. } = *op else {
            return Ok(value.clone());
        };
        let (scale, bias) = (self.parameter(weight)?, self.parameter(bias)?);
        let (mean, variance) = (self.buffer(mean)?, self.buffer(variance)?);
        let parameters = BatchNorm { scale: &scale, bias: &bias, mean: &mean, variance: &variance, epsilon };
        Ok(self.graph.batch_norm(value, &parameters))
    }

    /// Weight and bias with the normalisation in them, under names that say so.
    fn folded(
        &mut self,
        weight: usize,
        bias: Option<usize>,
        norm: &Norm<'_>,
    ) -> Result<(Value, Value), TrainError> {
        let network = self.network;
        let spec = &network.plan.parameters[weight];
        let (weights, biases) =
            folded(network.parameter(weight), bias.map(|bias| network.parameter(bias)), norm);
        let stem = spec.name.strip_suffix("weight").unwrap_or(&spec.name);
        let weight = constant(&mut self.graph, &format!("{stem}weight_folded"), &spec.shape, &weights)?;
        let bias = constant(&mut self.graph, &format!("{stem}bias_folded"), &spec.shape[..1], &biases)?;
        Ok((weight, bias))
    }

    fn norm_of(&self, op: &Op) -> Option<Norm<'a>> {
        let Op::BatchNorm { weight, bias, mean, variance, epsilon, .. } = *op else { return None };
        Some(Norm {
            scale: self.network.parameter(weight),
            shift: self.network.parameter(bias),
            mean: self.network.buffer(mean),
            variance: self.network.buffer(variance),
            epsilon,
        })
    }

    fn parameter(&mut self, number: usize) -> Result<Value, TrainError> {
        let spec = &self.network.plan.parameters[number];
        constant(&mut self.graph, &spec.name, &spec.shape, self.network.parameter(number))
    }

    fn buffer(&mut self, number: usize) -> Result<Value, TrainError> {
        let spec = &self.network.plan.buffers[number];
        constant(&mut self.graph, &spec.name, &[spec.length], self.network.buffer(number))
    }
}

fn conv_of(geometry: &ConvGeometry) -> Conv2d {
    let ConvGeometry { kernel, stride, padding, groups, .. } = *geometry;
    let window = Window { kernel, stride: [stride; 2], padding: [padding; 4] };
    Conv2d { groups, ..Conv2d::new(window) }
}

fn window_of(geometry: &PoolGeometry) -> Window {
    let PoolGeometry { kernel, stride, padding, .. } = *geometry;
    Window { kernel, stride, padding: [padding; 4] }
}

/// Whether the window is the whole picture.
fn is_global(geometry: &PoolGeometry) -> bool {
    geometry.kernel == geometry.input[1..] && geometry.padding == 0 && geometry.output == [1, 1]
}
