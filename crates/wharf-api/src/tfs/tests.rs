use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use wharf_bundle::{Method, OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_infer::ErrorCode;
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use super::decode::decode_tensor;
use super::encode::{TensorEncoding, encode_shape, encode_tensor};
use super::example::Examples;
use crate::Limits;
use crate::proto::tensorflow::feature::Kind;
use crate::proto::tensorflow::serving::PredictRequest;
use crate::proto::tensorflow::{
    BytesList, DataType, Example, Feature, Features, FloatList, Int64List, TensorProto,
};

/// A signature whose graph names are those of the clients.
pub(super) fn signature(method: Method, inputs: Vec<TensorSpec>, outputs: Vec<TensorSpec>) -> Signature {
    let input = |spec: TensorSpec| SignatureInput { graph_input: spec.name.clone(), spec, transform: vec![] };
    let output = |spec: TensorSpec| SignatureOutput {
        source: OutputSource::Graph { output: spec.name.clone() },
        spec,
    };
    Signature {
        method,
        inputs: inputs.into_iter().map(input).collect(),
        outputs: outputs.into_iter().map(output).collect(),
        columns: None,
    }
}

fn message(dtype: DataType, dims: &[i64]) -> TensorProto {
    TensorProto { dtype: dtype as i32, tensor_shape: Some(encode_shape(dims)), ..TensorProto::default() }
}

fn decode(message: TensorProto) -> Result<Tensor, (ErrorCode, String)> {
    decode_tensor(message, &Limits::default()).map_err(|error| (error.code(), error.message().to_owned()))
}

#[test]
fn short_lists_are_filled_with_their_last_value() {
    for (values, expected) in [
        (vec![], [0.0, 0.0, 0.0]),
        (vec![1.5], [1.5, 1.5, 1.5]),
        (vec![1.0, 2.0], [1.0, 2.0, 2.0]),
        (vec![1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
    ] {
        let message = TensorProto { float_val: values, ..message(DataType::DtFloat, &[3]) };
        assert_eq!(decode(message).unwrap().to_vec::<f32>().unwrap(), expected);
    }
    let strings = TensorProto { string_val: vec![Bytes::from("a")], ..message(DataType::DtString, &[2]) };
    assert_eq!(decode(strings).unwrap().strings().unwrap(), ["a", "a"]);
    let empty = decode(message(DataType::DtFloat, &[0, 5])).unwrap();
    assert_eq!((empty.num_elements(), empty.shape().dims()), (0, &[0, 5][..]));
}

#[test]
fn raw_content_is_shared_and_scalars_need_no_shape() {
    let content = Bytes::from(vec![1, 0, 0, 0, 2, 0, 0, 0]);
    let message = TensorProto { tensor_content: content.clone(), ..message(DataType::DtInt32, &[2]) };
    let tensor = decode(message).unwrap();
    assert_eq!(tensor.to_vec::<i32>().unwrap(), [1, 2]);
    assert_eq!(tensor.bytes().unwrap().as_ptr(), content.as_ptr());
    let scalar =
        TensorProto { dtype: DataType::DtInt64 as i32, int64_val: vec![7], ..TensorProto::default() };
    assert_eq!(decode(scalar).unwrap().shape().rank(), 0);
}

#[test]
fn content_of_a_received_message_is_a_slice_of_it() {
    let tensor =
        TensorProto { tensor_content: Bytes::from(vec![7; 4096]), ..message(DataType::DtUint8, &[4096]) };
    let request = PredictRequest { inputs: [("x".to_owned(), tensor)].into(), ..PredictRequest::default() };
    let received = Bytes::from(request.encode_to_vec());
    let range = received.as_ptr_range();
    let decoded = PredictRequest::decode(received.clone()).unwrap();
    assert!(range.contains(&decoded.inputs["x"].tensor_content.as_ptr()));
}

#[test]
fn wrong_tensors_are_refused_before_anything_is_allocated() {
    let huge = TensorProto { float_val: vec![1.0], ..message(DataType::DtFloat, &[1 << 40]) };
    let floats = |dims: &[i64], values: usize| TensorProto {
        float_val: vec![1.0; values],
        ..message(DataType::DtFloat, dims)
    };
    for (message, code, text) in [
        (huge, ErrorCode::TooLarge, "larger than the limit"),
        (message(DataType::DtString, &[1 << 30]), ErrorCode::TooLarge, "larger than the limit"),
        (floats(&[1 << 4, (1 << 60) + 2], 1), ErrorCode::InvalidArgument, "overflows"),
        (floats(&[1 << 2, (1 << 60) + 2], 1), ErrorCode::InvalidArgument, "overflows"),
        (floats(&[-1], 1), ErrorCode::InvalidArgument, "dimension 0 is -1"),
        (floats(&[1; 17], 1), ErrorCode::InvalidArgument, "17 dimensions"),
        (floats(&[2], 3), ErrorCode::InvalidArgument, "has 3 values, expected at most 2"),
        (floats(&[0], 1), ErrorCode::InvalidArgument, "has 1 values, expected at most 0"),
        (message(DataType::DtComplex64, &[1]), ErrorCode::InvalidArgument, "DT_COMPLEX64 are not supported"),
        (message(DataType::DtInvalid, &[1]), ErrorCode::InvalidArgument, "DT_INVALID"),
        (
            TensorProto { dtype: 99, ..TensorProto::default() },
            ErrorCode::InvalidArgument,
            "99 is no element type",
        ),
        (
            TensorProto { dtype: -1, ..TensorProto::default() },
            ErrorCode::InvalidArgument,
            "-1 is no element type",
        ),
        (
            TensorProto { int_val: vec![1], ..message(DataType::DtFloat, &[1]) },
            ErrorCode::InvalidArgument,
            "has values in `int_val`, expected `float_val`",
        ),
        (
            TensorProto { int_val: vec![256], ..message(DataType::DtUint8, &[1]) },
            ErrorCode::InvalidArgument,
            "value 256 does not fit type uint8",
        ),
        (
            TensorProto { half_val: vec![-1], ..message(DataType::DtHalf, &[1]) },
            ErrorCode::InvalidArgument,
            "does not fit",
        ),
        (
            TensorProto { tensor_content: Bytes::from_static(&[0; 7]), ..message(DataType::DtFloat, &[2]) },
            ErrorCode::InvalidArgument,
            "data has 7 bytes, expected 8",
        ),
        (
            TensorProto { tensor_content: Bytes::from_static(&[2]), ..message(DataType::DtBool, &[1]) },
            ErrorCode::InvalidArgument,
            "bytes other than 0 and 1",
        ),
        (
            TensorProto {
                tensor_content: Bytes::from_static(&[0; 4]),
                float_val: vec![1.0],
                ..message(DataType::DtFloat, &[1])
            },
            ErrorCode::InvalidArgument,
            "both `tensor_content` and a list",
        ),
    ] {
        let (actual, message) = decode(message).unwrap_err();
        assert_eq!(actual, code, "{message}");
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn raw_strings_must_add_up() {
    let strings = |content: &'static [u8], count: i64| {
        decode(TensorProto {
            tensor_content: Bytes::from_static(content),
            ..message(DataType::DtString, &[count])
        })
    };
    assert_eq!(strings(&[1, 2, b'a', b'b', b'c'], 2).unwrap().strings().unwrap(), ["a", "bc"]);
    for (content, count) in [
        (&[5, b'a'][..], 1),
        (&[1, b'a', b'b'], 1),
        (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, b'a'], 1),
        (&[0x80], 1),
        (&[1], 2),
    ] {
        let content: &'static [u8] = Vec::leak(content.to_vec());
        assert!(strings(content, count).is_err(), "{content:?}");
    }
}

/// A few values of every element type.
fn every_type() -> Vec<Tensor> {
    let shape = Shape::new(&[2]).unwrap();
    let mut tensors = vec![
        Tensor::from_bools(shape.clone(), vec![true, false]).unwrap(),
        Tensor::from_strings(shape.clone(), vec![Bytes::from_static(b"\xff\0"), Bytes::new()]).unwrap(),
    ];
    for dtype in DType::ALL {
        if let Some(size) = dtype.size_bytes().filter(|_| dtype != DType::Bool) {
            let bytes: Vec<u8> = (0..2 * size).map(|index| (index * 37 + 1) as u8).collect();
            tensors.push(Tensor::from_bytes(dtype, shape.clone(), bytes.into()).unwrap());
        }
    }
    tensors
}

#[test]
fn every_type_round_trips_in_both_encodings() {
    let tensors = every_type();
    assert_eq!(tensors.len(), DType::ALL.len());
    for tensor in tensors {
        for encoding in [TensorEncoding::Values, TensorEncoding::Content] {
            let message = encode_tensor(&tensor, encoding).unwrap();
            let received = TensorProto::decode(Bytes::from(message.encode_to_vec())).unwrap();
            assert_eq!(decode(received).unwrap(), tensor, "{encoding:?}");
        }
    }
}

fn example(features: &[(&str, Kind)]) -> Example {
    let feature = features.iter().cloned();
    let feature = feature.map(|(name, kind)| (name.to_owned(), Feature { kind: Some(kind) })).collect();
    Example { features: Some(Features { feature }) }
}

fn floats(values: &[f32]) -> Kind {
    Kind::FloatList(FloatList { value: values.to_vec() })
}

fn integers(values: &[i64]) -> Kind {
    Kind::Int64List(Int64List { value: values.to_vec() })
}

fn strings(values: &[&'static str]) -> Kind {
    Kind::BytesList(BytesList {
        value: values.iter().map(|value| Bytes::from_static(value.as_bytes())).collect(),
    })
}

#[test]
fn features_become_rows_and_the_shared_ones_fill_in() {
    let specs = vec![
        TensorSpec::new("x", DType::F32, &[-1, 2]),
        TensorSpec::new("flag", DType::Bool, &[-1]),
        TensorSpec::new("name", DType::String, &[-1, -1]),
    ];
    let signature = signature(Method::Classify, specs, vec![]);
    let shared = example(&[("flag", integers(&[1])), ("x", floats(&[9.0, 9.0])), ("unused", integers(&[]))]);
    let examples = vec![
        example(&[("x", floats(&[1.0, 2.0])), ("name", strings(&["a", "b"]))]),
        example(&[("flag", integers(&[0])), ("name", strings(&["c", "d"]))]),
    ];
    let inputs = Examples::new(examples, Some(shared)).unwrap().to_inputs(&signature).unwrap();
    assert_eq!(inputs[0].tensor.to_vec::<f32>().unwrap(), [1.0, 2.0, 9.0, 9.0]);
    assert_eq!(inputs[0].tensor.shape().dims(), [2, 2]);
    assert_eq!(&inputs[1].tensor.bytes().unwrap()[..], [1, 0]);
    assert_eq!(inputs[2].tensor.shape().dims(), [2, 2]);
}

#[test]
fn pixels_come_as_integers_or_as_one_raw_string() {
    let signature =
        signature(Method::Classify, vec![TensorSpec::new("image", DType::U8, &[-1, 2, 1])], vec![]);
    for kind in [integers(&[65, 66]), strings(&["AB"])] {
        let inputs = Examples::new(vec![example(&[("image", kind)])], None).unwrap();
        let inputs = inputs.to_inputs(&signature).unwrap();
        assert_eq!(inputs[0].tensor.to_vec::<u8>().unwrap(), b"AB");
        assert_eq!(inputs[0].tensor.shape().dims(), [1, 2, 1]);
    }
}

#[test]
fn a_lone_string_input_named_inputs_takes_the_examples_themselves() {
    let signature =
        signature(Method::Classify, vec![TensorSpec::new("inputs", DType::String, &[-1])], vec![]);
    let examples = vec![example(&[("x", integers(&[1]))])];
    let shared = example(&[("y", integers(&[2]))]);
    let inputs = Examples::new(examples, Some(shared)).unwrap().to_inputs(&signature).unwrap();
    let merged = Example::decode(inputs[0].tensor.strings().unwrap()[0].clone()).unwrap();
    assert_eq!(merged, example(&[("x", integers(&[1])), ("y", integers(&[2]))]));
}

#[test]
fn features_that_do_not_fit_are_refused() {
    let signature = signature(Method::Classify, vec![TensorSpec::new("x", DType::F32, &[-1, 2])], vec![]);
    let narrow =
        super::tests::signature(Method::Classify, vec![TensorSpec::new("x", DType::I8, &[-1])], vec![]);
    for (signature, examples, text) in [
        (&signature, vec![], "Input is empty."),
        (&signature, vec![example(&[])], "Feature: x (data type: float) is required but could not be found."),
        (&signature, vec![Example::default()], "could not be found"),
        (
            &signature,
            vec![example(&[("x", strings(&["a"]))])],
            "Data types don't match. Expected type: float",
        ),
        (&signature, vec![example(&[("x", floats(&[1.0]))])], "Number of float values != expected"),
        (&narrow, vec![example(&[("x", integers(&[200]))])], "Expected type: int8"),
        (&narrow, vec![example(&[("x", integers(&[]))])], "Number of int8 values"),
    ] {
        let inputs = Examples::new(examples, None).and_then(|examples| examples.to_inputs(signature));
        let error = inputs.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.message().contains(text), "{error}");
    }
}

proptest! {
    #[test]
    fn no_tensor_message_makes_decoding_panic(
        dtype in -1_i32..30,
        dims in prop::collection::vec(prop_oneof![-2_i64..5, any::<i64>()], 0..18),
        content in prop::collection::vec(any::<u8>(), 0..40),
        integers in prop::collection::vec(any::<i32>(), 0..4),
    ) {
        let message = TensorProto {
            dtype,
            tensor_shape: Some(encode_shape(&dims)),
            tensor_content: content.into(),
            int_val: integers.clone(),
            half_val: integers,
            ..TensorProto::default()
        };
        if let Ok(tensor) = decode(message) {
            prop_assert_eq!(tensor.shape().to_i64(), dims);
        }
    }

    #[test]
    fn no_damaged_message_makes_decoding_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut in any::<prop::sample::Index>()) {
        let tensors = every_type();
        let inputs = tensors.iter().enumerate();
        let inputs = inputs.map(|(index, tensor)| (format!("x{index}"), encode_tensor(tensor, TensorEncoding::Values).unwrap()));
        let request = PredictRequest { inputs: inputs.collect(), ..PredictRequest::default() };
        let mut bytes = request.encode_to_vec();
        for (index, value) in flips {
            let place = index.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        if let Ok(request) = PredictRequest::decode(Bytes::from(bytes)) {
            for message in request.inputs.into_values() {
                let _ = decode(message);
            }
        }
    }
}
