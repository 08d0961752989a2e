//! Models that are wrong or mean harm: an error, never a panic, and no memory out of proportion.

use prost::Message;

use super::*;
use crate::Limits;
use crate::proto::{AttributeProto, GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto};

/// A sound model after a change.
fn changed(change: impl FnOnce(&mut GraphProto)) -> Result<Model, OnnxError> {
    let mut graph = GraphBuilder::new("sound");
    let x = graph.input(&spec("x", DType::F32, &[-1, 2])).unwrap();
    let w = graph.initializer("w", &noise(&[2, 2], 1)).unwrap();
    let y = graph.matmul(&x, &w);
    let y = graph.relu(&y);
    graph.output(&y, &spec("y", DType::F32, &[-1, 2])).unwrap();
    let mut proto = graph.build().unwrap().into_proto();
    change(proto.graph.as_mut().unwrap());
    read_model(proto.encode_to_vec())
}

#[test]
fn unsound_graphs_are_errors() {
    type Change = fn(&mut GraphProto);
    let changes: [(Change, &str); 14] = [
        (|g| g.node.reverse(), "uses value `relu`"),
        (|g| g.node[0].input[0] = "relu".into(), "uses value `relu`"),
        (|g| g.node[0].input[0] = "z".into(), "uses value `z`"),
        (|g| g.node[1].output[0] = "matmul".into(), "value `matmul` is defined twice"),
        (|g| g.node[1].output[0] = "x".into(), "value `x` is defined twice"),
        (|g| g.node[1].output[0] = "w".into(), "value `w` is defined twice"),
        (|g| g.input.push(g.input[0].clone()), "input `x` is defined twice"),
        (|g| g.initializer.push(g.initializer[0].clone()), "initializer `w` is defined twice"),
        (|g| g.output[0].name = "z".into(), "the output list uses value `z`"),
        (|g| g.output.clear(), "model has no output"),
        (|g| g.input[0].name.clear(), "model has no name for an input"),
        (|g| g.initializer[0].name.clear(), "model has no name for an initializer"),
        (|g| g.node[0].op_type.clear(), "model has no operator for a node"),
        (
            |g| g.node[0].attribute = vec![AttributeProto { name: "a".into(), ..Default::default() }; 2],
            "attribute `a` is defined twice",
        ),
    ];
    for (change, expected) in changes {
        let message = changed(change).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
    assert!(changed(|_| ()).is_ok());
}

#[test]
fn constants_whose_data_does_not_fit_are_errors() {
    type Change = fn(&mut TensorProto);
    let elsewhere = |t: &mut TensorProto| {
        let key = "location".to_owned();
        t.external_data.push(StringStringEntryProto { key, value: "../../etc/passwd".to_owned() });
    };
    let changes: [(Change, &str); 13] = [
        (|t| t.dims = vec![2, 3], "has 16 bytes of data, expected 24 for shape [2, 3]"),
        (|t| t.dims = vec![], "has 16 bytes of data, expected 4"),
        (|t| t.dims = vec![-2, -2], "dimension 0 is -2"),
        (|t| t.dims = vec![1 << 32, 1 << 32], "overflows"),
        (|t| t.dims = vec![0, 1 << 62, 1 << 62], "overflows"),
        (|t| t.dims = vec![1; 17], "17 dimensions"),
        (|t| t.data_type = 0, "element type 0"),
        (|t| t.data_type = 99, "element type 99"),
        (|t| t.data_type = 8, "bytes of data"),
        (|t| t.raw_data = None, "has 0 elements, expected 4"),
        (|t| (t.raw_data, t.float_data) = (None, vec![0.0; 5]), "has 5 elements, expected 4"),
        (elsewhere, "another file"),
        (|t| t.data_location = 1, "another file"),
    ];
    for (change, expected) in changes {
        let error = changed(|graph| change(&mut graph.initializer[0])).unwrap_err();
        assert_eq!(error.kind(), OnnxErrorKind::Tensor);
        assert!(error.to_string().contains(expected), "{error}, expected {expected}");
    }
    let in_attribute = changed(|graph| {
        let broken = TensorProto { data_type: 1, dims: vec![3], ..TensorProto::default() };
        let attribute = AttributeProto { t: Some(Box::new(broken)), ..AttributeProto::default() };
        graph.node[0].attribute.push(attribute);
    });
    assert_eq!(in_attribute.unwrap_err().kind(), OnnxErrorKind::Tensor);
}

#[test]
fn models_without_their_parts_are_errors() {
    type Change = fn(&mut ModelProto);
    let changes: [(Change, &str); 4] = [
        (|m| m.graph = None, "model has no graph"),
        (|m| m.ir_version = 0, "model has no version of the format"),
        (|m| m.opset_import.clear(), "model has no operator set"),
        (
            |m| {
                m.opset_import.push(m.opset_import[0].clone());
                m.opset_import[1].domain = "ai.onnx".into();
            },
            "operator set `ai.onnx` is defined twice",
        ),
    ];
    for (change, expected) in changes {
        let mut proto = tiny(17).unwrap().into_proto();
        change(&mut proto);
        assert_eq!(Model::from_proto(proto).unwrap_err().to_string(), expected);
    }
    assert!(read_model(Vec::new()).is_err());
}

/// A message field with a length, by hand.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut encoded = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut encoded);
    encoded.extend(content);
    encoded
}

#[test]
fn graphs_nested_deeper_than_100_messages_are_errors() {
    for levels in [34_usize, 100, 10_000] {
        // graph { node { attribute { g: graph { ...
        let graph = (0..levels).fold(Vec::new(), |inner, _| field(1, &field(5, &field(6, &inner))));
        let error = read_model(field(7, &graph)).unwrap_err();
        assert_eq!(error.kind(), OnnxErrorKind::Limit, "{levels}: {error}");
    }
    // Types nest too, in a recursion of their own: sequence { elem_type { sequence { ...
    let nested = (0..10_000).fold(Vec::new(), |inner, _| field(4, &field(1, &inner)));
    let error = read_model(field(7, &field(11, &field(2, &nested)))).unwrap_err();
    assert_eq!(error.kind(), OnnxErrorKind::Limit);
}

#[test]
fn messages_are_counted_before_they_take_memory() {
    let limits = Limits { max_messages: 1000, ..Limits::default() };
    let nodes = field(7, &field(1, &[]).repeat(1001));
    assert_eq!(Model::read(nodes.clone(), &limits).unwrap_err().kind(), OnnxErrorKind::Limit);
    // A group, which decoders skip, does not hide what is beside or in it.
    for group in [&[0xfb, 0x01, 0xfc, 0x01][..], &[0xfb, 0x01], &[0xfc, 0x01]] {
        let hidden = [group, &nodes].concat();
        assert_eq!(Model::read(hidden, &limits).unwrap_err().kind(), OnnxErrorKind::Limit);
    }
    let limits = Limits { max_fields: 1000, ..Limits::default() };
    let names = field(7, &field(1, &field(1, &[]).repeat(1001)));
    assert_eq!(Model::read(names, &limits).unwrap_err().kind(), OnnxErrorKind::Limit);
    let limits = Limits { max_bytes: 10, ..Limits::default() };
    assert_eq!(Model::read(vec![0; 11], &limits).unwrap_err().kind(), OnnxErrorKind::Limit);
}

#[test]
fn long_graphs_are_read_in_linear_time() {
    let mut graph = GraphBuilder::new("long");
    let mut x = graph.input(&spec("x", DType::F32, &[-1])).unwrap();
    for _ in 0..100_000 {
        x = graph.relu(&x);
    }
    graph.output(&x, &spec("y", DType::F32, &[-1])).unwrap();
    assert!(read_model(graph.build().unwrap().to_bytes()).is_ok());
    let nodes = ModelProto {
        graph: Some(GraphProto { node: vec![NodeProto::default(); 1000], ..GraphProto::default() }),
        ..ModelProto::default()
    };
    assert!(read_model(nodes.encode_to_vec()).is_err());
}

#[test]
fn truncated_models_never_panic() {
    for (name, content) in MODELS {
        for length in 0..content.len() {
            // Protobuf has no end marker: what is cut between two fields may be a sound, shorter model.
            if let Ok(model) = read_model(Bytes::from_static(&content[..length])) {
                assert!(model.to_bytes().len() <= length, "{name}");
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn changed_models_never_panic(which in 0..3_usize, at in 0..10_000_usize, flip in 1..=255_u8) {
        let mut content = MODELS[which].1.to_vec();
        let at = at % content.len();
        content[at] ^= flip;
        if let Ok(model) = read_model(content) {
            let _ = (model.inputs(), model.outputs());
            for tensor in model.initializers() {
                let _ = tensor.to_tensor();
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(content in proptest::collection::vec(0_u8.., 0..300)) {
        let _ = read_model(content);
    }
}
