use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use crate::{GraphBuilder, GraphEditor, Model};

fn model() -> Model {
    let spec = |name| TensorSpec::new(name, DType::F32, &[-1, 2]);
    let mut graph = GraphBuilder::new("test");
    let x = graph.input(&spec("x")).unwrap();
    let two = graph.initializer("two", &Tensor::from_vec(Shape::scalar(), vec![2.0_f32]).unwrap()).unwrap();
    let twice = graph.mul(&x, &two);
    let rectified = graph.relu(&twice);
    graph.output(&rectified, &spec("y")).unwrap();
    graph.build().unwrap()
}

fn operators(model: &Model) -> Vec<&str> {
    model.nodes().iter().map(|node| node.op_type.as_str()).collect()
}

#[test]
fn nodes_are_sorted_and_unused_constants_go() {
    let mut editor = GraphEditor::new(model());
    editor.add_node("Neg", &["x"], &["negative"], Vec::new());
    editor.replace_inputs("mul", "negative", |_| true);
    editor.remove_nodes(|node| node.op_type == "Mul");
    let model = editor.finish().unwrap();
    assert_eq!(operators(&model), ["Neg", "Relu", "Identity"]);
    assert!(model.initializers().is_empty());
}

#[test]
fn dead_nodes_go_with_what_only_they_used() {
    let mut editor = GraphEditor::new(model());
    editor.add_node("Neg", &["relu"], &["aside"], Vec::new());
    editor.add_node("Abs", &["aside"], &["further"], Vec::new());
    assert_eq!(editor.num_uses("relu"), 2);
    editor.remove_dead_nodes();
    assert_eq!((editor.num_uses("relu"), editor.consumers("relu").count()), (1, 1));
    assert_eq!(operators(&editor.finish().unwrap()), ["Mul", "Relu", "Identity"]);
}

#[test]
fn what_contradicts_itself_is_refused() {
    let mut circle = GraphEditor::new(model());
    circle.replace_inputs("x", "relu", |node| node.op_type == "Mul");
    assert!(circle.finish().is_err());
    let mut gap = GraphEditor::new(model());
    gap.remove_nodes(|node| node.op_type == "Relu");
    assert!(gap.finish().unwrap_err().to_string().contains("`relu`"));
}

#[test]
fn a_constant_is_replaced_under_its_name() {
    let mut editor = GraphEditor::new(model());
    editor.set_initializer("two", &Tensor::from_vec(Shape::scalar(), vec![3.0_f32]).unwrap()).unwrap();
    let model = editor.finish().unwrap();
    assert_eq!(model.initializers().len(), 1);
    assert_eq!(model.initializers()[0].to_tensor().unwrap().to_vec::<f32>().unwrap(), [3.0]);
}
