//! The builder against the checker of ONNX and PyTorch, and the reader against models of others and hostile
//! ones.

mod hostile;
mod network;
mod reader;

use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use crate::{
    Attribute, GraphBuilder, MAX_OPSET, ML_DOMAIN, ML_OPSET, Model, OnnxError, OnnxErrorKind, read_model,
};

/// Models that Python made; see `goldens/make_models.py`.
const MODELS: [(&str, &[u8]); 3] = [
    ("branch", include_bytes!("../goldens/branch.onnx")),
    ("constants", include_bytes!("../goldens/constants.onnx")),
    ("function", include_bytes!("../goldens/function.onnx")),
];

fn golden(name: &str) -> Model {
    let (_, content) = MODELS.iter().find(|(known, _)| *known == name).unwrap();
    read_model(Bytes::from_static(content)).unwrap()
}

/// Values that look random and are the same every time, between -0.5 and 0.5.
fn noise(dims: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    let shape = Shape::new(dims).unwrap();
    let values = (0..shape.num_elements()).map(|_| next()).collect();
    Tensor::from_vec(shape, values).unwrap()
}

fn spec(name: &str, dtype: DType, dims: &[i64]) -> TensorSpec {
    TensorSpec::new(name, dtype, dims)
}

/// `y = relu(x)`.
fn tiny(opset: i64) -> Result<Model, OnnxError> {
    let mut graph = GraphBuilder::new("tiny").with_opset(opset);
    let x = graph.input(&spec("x", DType::F32, &[-1, 2]))?;
    let y = graph.relu(&x);
    graph.output(&y, &spec("y", DType::F32, &[-1, 2]))?;
    graph.build()
}

#[test]
fn operator_sets_bring_their_format_version() {
    for (opset, expected) in [(17, 8), (18, 8), (19, 9), (20, 9), (21, 10)] {
        let model = tiny(opset).unwrap();
        assert_eq!((model.opset(), model.proto().ir_version), (opset, expected));
    }
    for opset in [16, MAX_OPSET + 1, -1] {
        assert_eq!(tiny(opset).unwrap_err().kind(), OnnxErrorKind::Unsupported, "{opset}");
    }
}

#[test]
fn names_that_are_taken_are_errors() {
    let mut graph = GraphBuilder::new("names");
    let x = graph.input(&spec("x", DType::F32, &[-1])).unwrap();
    assert_eq!(
        graph.input(&spec("x", DType::F32, &[-1])).unwrap_err().to_string(),
        "value `x` is defined twice"
    );
    assert_eq!(graph.initializer("x", &noise(&[1], 1)).unwrap_err().kind(), OnnxErrorKind::Graph);
    assert_eq!(graph.output(&x, &spec("x", DType::F32, &[-1])).unwrap_err().kind(), OnnxErrorKind::Graph);
    assert_eq!(graph.input(&spec("", DType::F32, &[-1])).unwrap_err().kind(), OnnxErrorKind::Graph);
    let strings = Tensor::from_strings(Shape::new(&[0]).unwrap(), Vec::new()).unwrap();
    assert_eq!(graph.initializer("s", &strings).unwrap_err().kind(), OnnxErrorKind::Tensor);
}

#[test]
fn names_of_nodes_avoid_those_that_are_taken() {
    let mut graph = GraphBuilder::new("names");
    let x = graph.input(&spec("relu", DType::F32, &[-1])).unwrap();
    let first = graph.relu(&x);
    let second = graph.relu(&first);
    assert_eq!([first.name(), second.name()], ["relu_1", "relu_2"]);
    assert_eq!(graph.scalar(0.5), graph.scalar(0.5), "a scalar is stored once");
    assert_ne!(graph.scalar(0.0), graph.scalar(-0.0), "zeros of different sign are different scalars");
}

#[test]
fn values_of_another_graph_are_errors() {
    let mut other = GraphBuilder::new("other");
    let x = other.input(&spec("image", DType::F32, &[-1])).unwrap();
    let mut graph = GraphBuilder::new("graph");
    let y = graph.relu(&x);
    graph.output(&y, &spec("y", DType::F32, &[-1])).unwrap();
    let message = graph.build().unwrap_err().to_string();
    assert_eq!(message, "node `relu` (Relu) uses value `image`, which nothing before it defines");
    let message = GraphBuilder::new("empty").build().unwrap_err().to_string();
    assert_eq!(message, "model has no output");
}

#[test]
fn constants_share_the_tensors_data() {
    let weight = noise(&[2, 2], 3);
    let mut graph = GraphBuilder::new("shared");
    let x = graph.input(&spec("x", DType::F32, &[-1, 2])).unwrap();
    let w = graph.initializer("w", &weight).unwrap();
    let y = graph.matmul(&x, &w);
    graph.output(&y, &spec("y", DType::F32, &[-1, 2])).unwrap();
    graph.metadata("recipe", "seed");
    let model = graph.build().unwrap();
    let raw = model.initializers()[0].raw_data.as_ref().unwrap();
    assert_eq!(raw.as_ptr(), weight.bytes().unwrap().as_ptr());
    let content = Bytes::from(model.to_bytes());
    let read = read_model(content.clone()).unwrap();
    assert_eq!(read, model);
    assert_eq!(read.metadata().collect::<Vec<_>>(), [("recipe", "seed")]);
    let raw = read.initializers()[0].raw_data.as_ref().unwrap();
    assert!(content.as_ptr_range().contains(&raw.as_ptr()), "reading does not copy constants");
}

#[test]
fn operators_of_machine_learning_import_their_set_and_keep_their_attributes() {
    let mut graph = GraphBuilder::new("ml");
    let x = graph.input(&spec("x", DType::F32, &[-1, 2])).unwrap();
    let attributes = vec![
        Attribute::floats("scale", [2.0, 0.5]),
        Attribute::floats("offset", [0.0, 1.0]),
        Attribute::texts("names", ["a", "b"]),
    ];
    let y = graph.ml_node("Scaler", &[Some(&x)], attributes);
    graph.output(&y, &spec("y", DType::F32, &[-1, 2])).unwrap();
    let model = read_model(graph.build().unwrap().to_bytes()).unwrap();

    let imports = model.proto().opset_import.iter().map(|import| (import.domain.as_str(), import.version));
    assert_eq!(imports.collect::<Vec<_>>(), [("", 17), (ML_DOMAIN, ML_OPSET)]);
    let node = &model.proto().graph.as_ref().unwrap().node[0];
    assert_eq!((node.domain.as_str(), node.attribute[0].floats.as_slice()), (ML_DOMAIN, &[2.0, 0.5][..]));
    assert_eq!(node.attribute[2].strings, [Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
    assert_eq!(tiny(17).unwrap().proto().opset_import.len(), 1);
}

#[test]
fn a_node_makes_as_many_values_as_asked() {
    let mut graph = GraphBuilder::new("largest");
    let x = graph.input(&spec("x", DType::F32, &[-1, 5])).unwrap();
    let count = graph.int_list(&[2]);
    let [values, places] = graph.node_with("TopK", &[Some(&x), Some(&count)], Vec::new());
    graph.output(&values, &spec("values", DType::F32, &[-1, 2])).unwrap();
    graph.output(&places, &spec("places", DType::I64, &[-1, 2])).unwrap();
    let model = graph.build().unwrap();
    assert_eq!(model.proto().graph.as_ref().unwrap().node[0].output, ["topk", "topk_1"]);
}
