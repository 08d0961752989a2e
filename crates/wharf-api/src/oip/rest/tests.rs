//! The wire from bytes alone.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use proptest::prelude::*;
use wharf_bundle::{Method, OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_infer::{NamedTensor, ServiceError};
use wharf_serve::ServeConfig;
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
use wharf_testing::FakeEngine;

use super::super::SharedMemory;
use super::super::infer::{OipAnswer, OipBackend, OipOutput, OipRequest};
use super::{decode, encode, header};
use crate::Limits;
use crate::backend::Backend;

fn backend() -> OipBackend {
    let manager = ServeConfig::default().build(FakeEngine::free_running()).unwrap();
    let limits = Arc::new(Limits { max_tensors: 4, ..Limits::default() });
    OipBackend::new(Backend::new(manager, limits), SharedMemory::default())
}

fn signature(inputs: Vec<TensorSpec>) -> Signature {
    let input = |spec: TensorSpec| SignatureInput { graph_input: spec.name.clone(), spec, transform: vec![] };
    let y = TensorSpec::new("y", DType::F32, &[-1]);
    Signature {
        method: Method::Predict,
        inputs: inputs.into_iter().map(input).collect(),
        outputs: vec![SignatureOutput { source: OutputSource::Graph { output: "y".into() }, spec: y }],
        columns: None,
    }
}

fn read(body: &[u8], json_length: Option<usize>) -> Result<OipRequest, ServiceError> {
    let signature = signature(vec![TensorSpec::new("x", DType::F32, &[-1])]);
    decode::decode(&backend(), &signature, &Bytes::copy_from_slice(body), json_length)
}

fn read_error(body: &str) -> String {
    read(body.as_bytes(), None).unwrap_err().message().to_owned()
}

fn tensor(dims: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_vec(Shape::new(dims).unwrap(), values.to_vec()).unwrap()
}

fn body(members: &str) -> String {
    format!("{{\"inputs\": [{{\"name\": \"x\", \"datatype\": \"FP32\", {members}}}]}}")
}

#[test]
fn json_data_may_be_flat_or_nested_and_come_first() {
    for members in [
        "\"shape\": [2, 2], \"data\": [1, 2, 3.5, 4]",
        "\"data\": [[1, 2], [3.5, 4]], \"shape\": [2, 2]",
        "\"shape\": [2, 2], \"data\": [1, 2, 3.5, 4], \"parameters\": {}, \"unknown\": [[[]]]",
    ] {
        let request = read(body(members).as_bytes(), None).unwrap();
        assert_eq!(
            request.inputs,
            [NamedTensor::new("x", tensor(&[2, 2], &[1.0, 2.0, 3.5, 4.0]))],
            "{members}"
        );
    }
    let request = read(br#"{"id": "a", "inputs": [], "outputs": [{"name": "y"}]}"#, None).unwrap();
    assert_eq!((request.id.as_str(), request.outputs[0].name.as_str()), ("a", "y"));
}

#[test]
fn every_integer_type_has_its_range() {
    let of = |datatype: &str, data: &str| {
        let body = format!(
            "{{\"inputs\": [{{\"name\": \"x\", \"datatype\": \"{datatype}\", \"shape\": [1], \"data\": [{data}]}}]}}"
        );
        read(body.as_bytes(), None)
    };
    for (datatype, good, bad) in [
        ("UINT8", "255", "256"),
        ("UINT16", "65535", "65536"),
        ("UINT32", "4294967295", "-1"),
        ("UINT64", "18446744073709551615", "18446744073709551616"),
        ("INT8", "-128", "128"),
        ("INT16", "-32768", "32768"),
        ("INT32", "2147483647", "2147483648"),
        ("INT64", "-9223372036854775808", "1.5"),
        ("BOOL", "true", "1"),
        ("BYTES", "\"a\"", "1"),
        ("FP64", "1e300", "\"1\""),
    ] {
        assert!(of(datatype, good).is_ok(), "{datatype} {good}");
        assert!(of(datatype, bad).is_err(), "{datatype} {bad}");
    }
    let text = of("FP16", "1").unwrap_err();
    assert!(text.message().contains("receiving FP16 data via JSON is not supported"), "{text}");
}

#[test]
fn what_is_wrong_is_named() {
    for (body, expected) in [
        ("", "JSON Parse error"),
        ("[]", "'the request' is [], a JSON Array, expected an object"),
        ("{} x", "must not be followed by other values"),
        ("{\"id\": 1}", "'id' is 1, a JSON Number, expected a string"),
        ("{\"inputs\": {}}", "'inputs' is {}, a JSON Object, expected a list"),
        ("{\"inputs\": [1]}", "'inputs' is 1, a JSON Number, expected a list of objects"),
        ("{\"inputs\": [{}]}", "an input has no 'name'"),
        ("{\"outputs\": [{}]}", "an output has no 'name'"),
        ("{\"inputs\": [], \"inputs\": []}", "the key 'inputs' twice"),
        ("{\"parameters\": {\"a\": null}}", "expected flags, numbers and strings"),
        ("{\"parameters\": {\"a\": 1}}", "unknown parameter 'a' of the request"),
        ("{\"parameters\": {\"binary_data_output\": 1}}", "expected a boolean"),
        (&body("\"shape\": [2]"), "input 'x' has no 'data'"),
        (&body("\"shape\": [-1], \"data\": []"), "invalid shape for input 'x'"),
        (&body("\"shape\": [1.5], \"data\": []"), "'shape' is 1.5, a JSON Number, expected whole numbers"),
        (&body("\"shape\": [4294967296, 4294967298], \"data\": []"), "invalid shape"),
        (&body("\"shape\": [2], \"data\": [1]"), "data of shape [1], expected [2] or 2 values"),
        (&body("\"shape\": [4], \"data\": [[1, 2], [3, 4]]"), "data of shape [2, 2]"),
        (&body("\"shape\": [2], \"data\": [1, [2]]"), "input 'x'"),
        (
            &body("\"shape\": [1], \"data\": [1], \"parameters\": {\"binary_data_size\": 4}"),
            "more than one place",
        ),
        (
            &body("\"shape\": [1], \"parameters\": {\"binary_data_size\": 4}"),
            "larger than what follows the JSON",
        ),
        (&body("\"shape\": [1], \"parameters\": {\"shared_memory_offset\": 4}"), "must be given together"),
    ] {
        let error = read_error(body);
        assert!(error.contains(expected), "{body}: {error}");
    }
    let five = "{\"name\": \"x\"}, ".repeat(5);
    assert!(read_error(&format!("{{\"inputs\": [{five}]}}")).contains("more than 4 members"));
    let deep = format!("{{\"unknown\": {}{}}}", "[".repeat(250_000), "]".repeat(250_000));
    assert!(read(deep.as_bytes(), None).is_ok(), "what nobody knows is passed over");
    assert!(
        read_error(&body(&format!("\"shape\": [1], \"data\": {}", "[".repeat(250_000)))).contains("JSON")
    );
}

#[test]
fn raw_tensors_follow_the_json_in_order() {
    let json = r#"{"inputs": [
        {"name": "a", "datatype": "UINT8", "shape": [3], "parameters": {"binary_data_size": 3}},
        {"name": "b", "datatype": "INT8", "shape": [1], "data": [-1]},
        {"name": "c", "datatype": "FP16", "shape": [1], "parameters": {"binary_data_size": 2}}]}"#;
    let whole = [json.as_bytes(), &[1, 2, 3, 0, 0x3c]].concat();
    let request = read(&whole, Some(json.len())).unwrap();
    assert_eq!(request.inputs[0].tensor.to_vec::<u8>().unwrap(), [1, 2, 3]);
    assert_eq!(request.inputs[2].tensor.to_vec::<half::f16>().unwrap(), [half::f16::ONE]);
    let longer = [&whole[..], &[9]].concat();
    let error = read(&longer, Some(json.len())).unwrap_err();
    assert!(error.message().contains("1 bytes behind the inputs"), "{error}");
    let error = read(&whole, Some(whole.len() + 1)).unwrap_err();
    assert!(error.message().contains("past the"), "{error}");
}

#[test]
fn lengths_are_digits() {
    for (value, expected) in [
        ("12", Ok(Some(12))),
        ("0", Ok(Some(0))),
        ("-1", Err(())),
        ("0x10", Err(())),
        ("99999999999999999999", Err(())),
        ("", Err(())),
        (" 1", Err(())),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(decode::JSON_LENGTH, value.parse().unwrap());
        assert_eq!(decode::json_length(&headers).map_err(drop), expected, "{value:?}");
    }
    assert_eq!(decode::json_length(&HeaderMap::new()).unwrap(), None);
}

#[test]
fn a_raw_body_takes_type_and_shape_from_the_model() {
    let of = |spec: TensorSpec, body: &[u8]| {
        let request =
            decode::decode(&backend(), &signature(vec![spec]), &Bytes::copy_from_slice(body), Some(0));
        request.map(|request| request.inputs[0].tensor.shape().dims().to_vec())
    };
    assert_eq!(of(TensorSpec::new("x", DType::F32, &[-1]), &[0; 12]).unwrap(), [3]);
    assert_eq!(of(TensorSpec::new("x", DType::U8, &[-1, 2, 2]), &[0; 8]).unwrap(), [2, 2, 2]);
    assert_eq!(of(TensorSpec::new("x", DType::F32, &[3]), &[0; 12]).unwrap(), [3]);
    assert_eq!(of(TensorSpec::new("x", DType::String, &[-1]), b"text").unwrap(), [1]);
    for (spec, body, expected) in [
        (TensorSpec::new("x", DType::F32, &[-1]), &[0; 13][..], "byte size mismatch"),
        (TensorSpec::new("x", DType::F32, &[3]), &[0; 8], "byte size mismatch"),
        (TensorSpec::new("x", DType::F32, &[-1, -1]), &[0; 8], "more than one variable-sized dimension"),
        (TensorSpec::new("x", DType::String, &[2]), b"ab", "must have input shape [1]"),
    ] {
        let error = of(spec, body).unwrap_err();
        assert!(error.message().contains(expected), "{error}");
    }
    let two = signature(vec![TensorSpec::new("a", DType::F32, &[1]), TensorSpec::new("b", DType::F32, &[1])]);
    let error = decode::decode(&backend(), &two, &Bytes::new(), Some(0)).unwrap_err();
    assert!(error.message().starts_with("Raw request must only have 1 input"), "{error}");
}

fn answer(is_binary: Option<bool>, tensor: Tensor) -> OipAnswer {
    let output = OipOutput { name: "y".into(), tensor, place: None, is_binary };
    OipAnswer { model: "m".into(), version: 3, id: "i\"d".into(), outputs: vec![output] }
}

#[test]
fn replies_are_json_or_json_and_raw_tensors() {
    let encoded = encode::encode(&answer(None, tensor(&[2, 1], &[1.0, 0.25]))).unwrap();
    let expected = r#"{"model_name":"m","model_version":"3","id":"i\"d","outputs":[{"name":"y","datatype":"FP32","shape":[2,1],"data":[1.0,0.25]}]}"#;
    assert_eq!((encoded.body, encoded.json_length), (Bytes::from(expected), None));
    let encoded = encode::encode(&answer(Some(true), tensor(&[1], &[1.0]))).unwrap();
    let json = r#"{"model_name":"m","model_version":"3","id":"i\"d","outputs":[{"name":"y","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}"#;
    assert_eq!(encoded.json_length, Some(json.len()));
    assert_eq!(encoded.body, [json.as_bytes(), &1.0_f32.to_le_bytes()].concat());
    let halves = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![half::f16::ONE]).unwrap();
    assert!(encode::encode(&answer(None, halves.clone())).is_err());
    assert!(encode::encode(&answer(Some(true), halves)).is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), length in 0..300_usize) {
        let _ = header::read(&Bytes::from(bytes.clone()), 4);
        let _ = read(&bytes, Some(length));
    }

    #[test]
    fn no_mutation_of_a_request_makes_the_reader_panic(at in 0..120_usize, byte in any::<u8>(), cut in 0..160_usize) {
        let mut text = body("\"shape\": [2, 2], \"data\": [[1, 2], [3.5, 4]], \"parameters\": {\"a\": 1}").into_bytes();
        let place = at % text.len();
        text[place] = byte;
        text.truncate(cut.max(1));
        let _ = read(&text, None);
    }
}
