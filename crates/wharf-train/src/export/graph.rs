//! The network as an ONNX graph: pixels in, logits, probabilities and classes out.

mod fold;
mod layers;

use std::fmt::Display;

use wharf_bundle::sha256;
use wharf_onnx::{GraphBuilder, Value};
use wharf_tensor::{DType, Shape, Tensor, TensorError, TensorSpec};

use super::transform::ServingTransform;
use crate::error::TrainError;
use crate::network::Network;
use crate::recipe::{InputType, Recipe};
use layers::Layers;

/// The graph's input.
pub(super) const INPUT: &str = "image";
/// The outputs before softmax, float32 `[N, K]`.
pub(super) const LOGITS: &str = "logits";
/// Their softmax, float32 `[N, K]`.
pub(super) const PROBABILITIES: &str = "probabilities";
/// The place of the largest, int64 `[N]`.
pub(super) const CLASSES: &str = "classes";

/// The network as the content of a `model.onnx`, operator set 17. The recipe's `normalise` is inside, its other
/// steps are what a bundle's signatures do before the graph.
///
/// # Shapes
/// Input `image` `[N, H, W, C]`, float32 of 0 to 1, or uint8 where the recipe's `export.input` says so. Outputs
/// `logits` and `probabilities` float32 `[N, K]`, `classes` int64 `[N]`.
///
/// # Errors
/// The recipe's transform holds a step that the graph cannot have, or there are not as many labels as classes.
pub fn onnx_model(network: &Network, recipe: &Recipe, labels: &[String]) -> Result<Vec<u8>, TrainError> {
    check_labels(network, labels)?;
    let transform = ServingTransform::of(recipe)?;
    check_channels(&transform, network.input_shape()[0])?;
    let mut graph = GraphBuilder::new(&recipe.name);
    graph.metadata("wharf.labels", serde_json::Value::from(labels).to_string());
    graph.metadata("wharf.recipe_sha256", sha256(recipe.text.as_bytes()));
    build(graph, network, recipe, &transform)
}

/// Wraps what does not happen to a network whose plan is sound and fits into memory.
pub(super) fn unexportable(error: impl Display) -> TrainError {
    TrainError::model(vec![format!("the network cannot be exported: {error}")])
}

/// Checks that there is a label for every class.
pub(super) fn check_labels(network: &Network, labels: &[String]) -> Result<(), TrainError> {
    let (labels, classes) = (labels.len(), network.classes());
    if labels == classes {
        return Ok(());
    }
    let problem = format!("there are {labels} labels, expected {classes} as the network has classes");
    Err(TrainError::model(vec![problem]))
}

fn check_channels(transform: &ServingTransform, channels: usize) -> Result<(), TrainError> {
    let wrong = transform.normalise.iter().find(|(mean, _)| ![1, channels].contains(&mean.len()));
    wrong.map_or(Ok(()), |(mean, _)| {
        let problem =
            format!("`normalise` has {} numbers, the network takes {channels} channels", mean.len());
        Err(TrainError::setting("transform", problem))
    })
}

fn build(
    mut graph: GraphBuilder,
    network: &Network,
    recipe: &Recipe,
    transform: &ServingTransform,
) -> Result<Vec<u8>, TrainError> {
    let planes = planes(&mut graph, network.input_shape(), input_dtype(recipe.export.input))?;
    let normalised = normalise(&mut graph, planes, &transform.normalise)?;
    let mut layers = Layers { graph, network, is_folded: recipe.export.fold_batch_norm };
    let logits = layers.sequence(&network.plan.nodes, normalised)?;
    let mut graph = layers.graph;
    let probabilities = graph.softmax(&logits, 1);
    let classes = graph.arg_max(&logits, 1);
    for (value, spec) in [logits, probabilities, classes].iter().zip(output_specs(network)) {
        graph.output(value, &spec).map_err(unexportable)?;
    }
    Ok(graph.build().map_err(unexportable)?.to_bytes())
}

/// Logits, probabilities and classes, as the graph gives them.
pub(super) fn output_specs(network: &Network) -> [TensorSpec; 3] {
    let classes = to_i64(network.classes());
    [
        TensorSpec::new(LOGITS, DType::F32, &[-1, classes]),
        TensorSpec::new(PROBABILITIES, DType::F32, &[-1, classes]),
        TensorSpec::new(CLASSES, DType::I64, &[-1]),
    ]
}

/// The element type of the graph's input.
pub(super) fn input_dtype(input: InputType) -> DType {
    match input {
        InputType::Float => DType::F32,
        InputType::Uint8 => DType::U8,
    }
}

/// `[N, H, W, C]` for pictures of `[channels, height, width]`.
pub(super) fn picture_dims(shape: [usize; 3]) -> [i64; 4] {
    let [channels, height, width] = shape.map(to_i64);
    [-1, height, width, channels]
}

/// The input as `[N, C, H, W]` of 0 to 1.
fn planes(graph: &mut GraphBuilder, shape: [usize; 3], dtype: DType) -> Result<Value, TrainError> {
    let spec = TensorSpec::new(INPUT, dtype, &picture_dims(shape));
    let image = graph.input(&spec).map_err(unexportable)?;
    // Bytes are moved before they become numbers of four bytes each.
    let planes = graph.transpose(&image, &[0, 3, 1, 2]);
    if dtype == DType::F32 {
        return Ok(planes);
    }
    let numbers = graph.cast(&planes, DType::F32);
    let range = graph.scalar(255.0);
    Ok(graph.div(&numbers, &range))
}

/// In the order in which the transform computes, so that the network sees the same bits.
fn normalise(
    graph: &mut GraphBuilder,
    mut value: Value,
    steps: &[(Vec<f32>, Vec<f32>)],
) -> Result<Value, TrainError> {
    for (index, (mean, std)) in steps.iter().enumerate() {
        let prefix = if index == 0 { "normalise".to_owned() } else { format!("normalise_{index}") };
        let shape = [mean.len(), 1, 1];
        let mean = constant(graph, &format!("{prefix}.mean"), &shape, mean)?;
        let std = constant(graph, &format!("{prefix}.std"), &shape, std)?;
        let centred = graph.sub(&value, &mean);
        value = graph.div(&centred, &std);
    }
    Ok(value)
}

fn constant(
    graph: &mut GraphBuilder,
    name: &str,
    shape: &[usize],
    values: &[f32],
) -> Result<Value, TrainError> {
    let tensor = floats(shape, values).map_err(unexportable)?;
    graph.initializer(name, &tensor).map_err(unexportable)
}

/// A float32 tensor.
pub(super) fn floats(shape: &[usize], values: &[f32]) -> Result<Tensor, TensorError> {
    Shape::new(shape).and_then(|shape| Tensor::from_vec(shape, values.to_vec()))
}

/// Sizes of pictures and layers are far below.
fn to_i64(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
