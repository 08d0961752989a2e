//! Weights of fewer bits, activations in float: a smaller file and the arithmetic of before.

use half::f16;
use wharf_onnx::{Attribute, GraphEditor, Model, dtype_code};
use wharf_tensor::{DType, Shape, Tensor};

use super::scope::{WEIGHTED, is_own};
use super::weights::{QuantisedWeight, float_constant};
use super::{Grid, IntType};
use crate::OptimizeError;

/// Constants of fewer elements stay as they are: the nodes that would restore them take as much.
const MIN_ELEMENTS: usize = 64;

/// Stores the weights of `Conv`, `Gemm` and `MatMul` as int8 around zero, one scale for each, or one for each output
/// channel. Nodes whose outputs `is_kept` names are left alone.
///
/// # Errors
/// The model is quantised already, a weight is not finite, or the graph cannot be changed.
pub fn quantise_weights(
    model: &Model,
    per_channel: bool,
    is_kept: &dyn Fn(&str) -> bool,
) -> Result<Model, OptimizeError> {
    super::qdq::refuse_quantised(model)?;
    let mut editor = GraphEditor::new(model.clone());
    let grid = Grid { int: IntType::I8, symmetric: true, reduced: false };
    for (name, axis) in weights_of(model, is_kept) {
        let Some((values, dims)) = float_constant(&editor, &name)? else { continue };
        if values.len() < MIN_ELEMENTS {
            continue;
        }
        let axis = axis.filter(|&axis| per_channel && axis < dims.len());
        let weight = QuantisedWeight::fit(&name, &values, &dims, axis, grid)?;
        restore_integers(&mut editor, &name, &weight, &values, &dims)?;
    }
    editor.set_producer("wharf", env!("CARGO_PKG_VERSION"));
    Ok(editor.finish()?)
}

/// Stores every float32 constant of some size that fits as float16. Constants with a value beyond 65,504 stay.
///
/// # Errors
/// A constant is malformed, or the graph cannot be changed.
pub fn half_weights(model: &Model) -> Result<Model, OptimizeError> {
    let mut editor = GraphEditor::new(model.clone());
    let names: Vec<String> = model.initializers().iter().map(|constant| constant.name.clone()).collect();
    for name in names
        .iter()
        .filter(|name| !editor.is_output(name) && !editor.is_input(name))
        .cloned()
        .collect::<Vec<_>>()
    {
        // Graphs within nodes see names of the outer graph and are not changed.
        let is_seen_within = editor.num_uses(&name) != direct_uses(&editor, &name);
        let Some((values, dims)) = float_constant(&editor, &name)?.filter(|_| !is_seen_within) else {
            continue;
        };
        let halves: Vec<f16> = values.iter().map(|&value| f16::from_f32(value)).collect();
        if values.len() < MIN_ELEMENTS || halves.iter().any(|half| !half.is_finite()) {
            continue;
        }
        let (stored, real) = (format!("{name}_half"), format!("{name}_float"));
        editor.set_initializer(&stored, &Tensor::from_vec(Shape::new(&dims)?, halves)?)?;
        editor.replace_inputs(&name, &real, |_| true);
        editor.add_node("Cast", &[&stored], &[&real], vec![to_float()]);
    }
    editor.set_producer("wharf", env!("CARGO_PKG_VERSION"));
    Ok(editor.finish()?)
}

fn direct_uses(editor: &GraphEditor, name: &str) -> usize {
    editor.graph().node.iter().flat_map(|node| &node.input).filter(|input| *input == name).count()
}

/// The constants that weighted nodes multiply with, each with the dimension of its output channels.
fn weights_of(model: &Model, is_kept: &dyn Fn(&str) -> bool) -> Vec<(String, Option<usize>)> {
    let mut found: Vec<(String, Option<usize>)> = Vec::new();
    let nodes = model.nodes().iter().filter(|node| is_own(node) && WEIGHTED.contains(&node.op_type.as_str()));
    for node in nodes.filter(|node| !node.output.iter().any(|output| is_kept(output))) {
        let Some(weight) = node.input.get(1) else { continue };
        let is_transposed = node.attribute.iter().any(|found| found.name == "transB" && found.i > Some(0));
        let axis = match node.op_type.as_str() {
            "Conv" => Some(0),
            "Gemm" => Some(usize::from(!is_transposed)),
            _ => model
                .initializers()
                .iter()
                .find(|found| found.name == *weight)
                .map(|found| found.dims.len().saturating_sub(1)),
        };
        if !found.iter().any(|(name, _)| name == weight) {
            found.push((weight.clone(), axis));
        }
    }
    found
}

/// Integers with the nodes that make real numbers of them: `Cast` and `Mul`, which ONNX Runtime does once when it loads
/// the model. A `DequantizeLinear` it would do in every run.
fn restore_integers(
    editor: &mut GraphEditor,
    name: &str,
    weight: &QuantisedWeight,
    values: &[f32],
    dims: &[usize],
) -> Result<(), OptimizeError> {
    let [stored, scale, cast, real] =
        ["quantized", "scale", "cast", "float"].map(|suffix| format!("{name}_{suffix}"));
    let mut scale_dims = vec![1; dims.len()];
    if let Some(axis) = weight.axis {
        scale_dims[axis] = dims[axis];
    }
    let scales = weight.scales()?.reshape(Shape::new(&scale_dims)?)?;
    editor.set_initializer(&stored, &weight.quantise(values, dims)?)?;
    editor.set_initializer(&scale, &scales)?;
    editor.replace_inputs(name, &real, |_| true);
    editor.add_node("Cast", &[&stored], &[&cast], vec![to_float()]);
    editor.add_node("Mul", &[&cast, &scale], &[&real], Vec::new());
    Ok(())
}

fn to_float() -> Attribute {
    Attribute::int("to", i64::from(dtype_code(DType::F32)))
}
