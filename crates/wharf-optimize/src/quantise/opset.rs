//! Operator sets: quantised nodes need newer ones than old models are of.

use wharf_onnx::GraphEditor;
use wharf_onnx::proto::{NodeProto, TypeValue};
use wharf_tensor::{Shape, Tensor};

use crate::OptimizeError;

/// The first with `QuantizeLinear`.
pub(super) const QUANTISE: i64 = 10;
/// The first with `DynamicQuantizeLinear`.
pub(super) const DYNAMIC: i64 = 11;
/// The first whose `DequantizeLinear` has a scale for each channel.
pub(super) const CHANNELS: i64 = 13;

/// Operators that mean something else from set 13 on and are not carried over.
const CHANGED: [&str; 4] = ["Hardmax", "LogSoftmax", "ReduceSum", "Split"];

/// Carries a model of set `present` over to set `least`, where it is older. From 11 and 12 to 13 the axes of `Squeeze` and
/// `Unsqueeze` become inputs; a `Softmax` stays where its axis is the last of a matrix, as it is in classifiers.
///
/// # Errors
/// The set is too old, or a node means something else in the newer one.
pub(super) fn raise(editor: &mut GraphEditor, present: i64, least: i64) -> Result<(), OptimizeError> {
    if present >= least {
        return Ok(());
    }
    let refused = |what: String| {
        Err(OptimizeError::model(format!(
            "the model is of operator set {present}, expected {least} or newer{what}"
        )))
    };
    if least != CHANNELS || present < DYNAMIC {
        return refused(String::new());
    }
    if let Some(node) = editor.graph().node.iter().find(|node| is_changed(editor, node)) {
        let (operator, name) = (&node.op_type, super::scope::node_name(node));
        return refused(format!(": `{operator}` of node `{name}` is not carried over"));
    }
    for index in 0..editor.graph().node.len() {
        axes_to_input(editor, index)?;
    }
    editor.set_opset(least);
    Ok(())
}

/// Before 13 `Softmax` took all dimensions from its axis on together, which for axis 1 of a matrix is the same.
fn is_changed(editor: &GraphEditor, node: &NodeProto) -> bool {
    let has_axis_one = node.attribute.iter().any(|found| found.name == "axis" && found.i == Some(1));
    let is_matrix = node.output.first().is_some_and(|output| rank(editor, output) == Some(2));
    CHANGED.contains(&node.op_type.as_str()) || (node.op_type == "Softmax" && !(has_axis_one && is_matrix))
}

/// How many dimensions a value has, where the graph says.
fn rank(editor: &GraphEditor, name: &str) -> Option<usize> {
    let graph = editor.graph();
    let info = graph.output.iter().chain(&graph.value_info).find(|info| info.name == name)?;
    match info.r#type.as_ref()?.value.as_ref()? {
        TypeValue::Tensor(tensor) => Some(tensor.shape.as_ref()?.dim.len()),
        _ => None,
    }
}

fn axes_to_input(editor: &mut GraphEditor, index: usize) -> Result<(), OptimizeError> {
    let node = &mut editor.graph_mut().node[index];
    if !["Squeeze", "Unsqueeze"].contains(&node.op_type.as_str()) {
        return Ok(());
    }
    let Some(place) = node.attribute.iter().position(|found| found.name == "axes") else { return Ok(()) };
    let axes = node.attribute.remove(place).ints;
    let name = format!("{}_axes", node.output.first().map_or("", String::as_str));
    node.input.push(name.clone());
    let tensor = Tensor::from_vec(Shape::new(&[axes.len()])?, axes)?;
    Ok(editor.set_initializer(&name, &tensor)?)
}

#[cfg(test)]
mod tests {
    use wharf_onnx::{Attribute, GraphBuilder, GraphEditor, Model};
    use wharf_tensor::{DType, TensorSpec};

    use super::*;

    /// A model that says it is of set 12.
    fn old(operator: &str, attributes: Vec<Attribute>) -> GraphEditor {
        let mut graph = GraphBuilder::new("old");
        let x = graph.input(&TensorSpec::new("x", DType::F32, &[-1, 3])).unwrap();
        let y = graph.node(operator, &[Some(&x)], attributes);
        graph.output(&y, &TensorSpec::new("y", DType::F32, &[-1, 3])).unwrap();
        let mut editor = GraphEditor::new(graph.build().unwrap());
        editor.remove_nodes(|node| node.op_type == "Identity");
        editor.replace_output(y.name(), "y");
        editor.set_opset(12);
        editor
    }

    fn raised(mut editor: GraphEditor, present: i64, least: i64) -> Result<Model, OptimizeError> {
        raise(&mut editor, present, least)?;
        Ok(editor.finish()?)
    }

    #[test]
    fn axes_become_an_input() {
        let model = raised(old("Unsqueeze", vec![Attribute::ints("axes", [1])]), 12, CHANNELS).unwrap();
        assert_eq!(model.opset(), 13);
        assert_eq!(model.nodes()[0].input, ["x", "y_axes"]);
        assert!(model.nodes()[0].attribute.is_empty());
    }

    #[test]
    fn what_changed_its_meaning_is_refused() {
        let error = raised(old("Softmax", vec![Attribute::int("axis", 2)]), 12, CHANNELS).unwrap_err();
        let expected = "the model is of operator set 12, expected 13 or newer: `Softmax` of node `softmax` is not carried over";
        assert_eq!(error.to_string(), expected);
        assert!(raised(old("Softmax", vec![Attribute::int("axis", 1)]), 12, CHANNELS).is_ok());
        let error = raised(old("Relu", Vec::new()), 9, QUANTISE).unwrap_err();
        assert_eq!(error.to_string(), "the model is of operator set 9, expected 10 or newer");
        assert!(raised(old("Relu", Vec::new()), 9, CHANNELS).is_err());
    }
}
