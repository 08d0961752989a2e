use bytes::Bytes;
use http::Method as HttpMethod;
use proptest::prelude::*;
use wharf_bundle::{Method, Signature};
use wharf_infer::{ErrorCode, ModelRef, NamedTensor};
use wharf_serve::{VersionState, VersionStatus};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};

use super::predict::{Form, locate, read_inputs};
use super::route::{Route, Verb};
use super::{documents, examples, reply};
use crate::json::MAX_STRINGS;
use crate::proto::tensorflow::feature::Kind;
use crate::proto::tensorflow::serving::{
    Class, ClassificationResult, Classifications, Regression, RegressionResult,
};
use crate::rest::Failure;
use crate::tfs::tests::signature;

fn route(method: &HttpMethod, path: &str) -> Option<Result<Route, String>> {
    Route::parse(method, path).map(|route| route.map_err(|error| error.to_string()))
}

#[test]
fn paths_are_matched_without_case_and_decoded_once() {
    let get = HttpMethod::GET;
    let post = HttpMethod::POST;
    for (method, path, expected) in [
        (&get, "/v1/models/m", Route::Status(ModelRef::latest("m"))),
        (&get, "/V1/MODELS/M", Route::Status(ModelRef::latest("M"))),
        (&get, "/v1/models/m/versions/12", Route::Status(ModelRef::specific("m", 12))),
        (&get, "/v1/models/m/labels/stable", Route::Status(ModelRef::labelled("m", "stable"))),
        (&get, "/v1/models/m/Metadata", Route::Metadata(ModelRef::latest("m"))),
        (&get, "/v1/models/m/versions/1/metadata", Route::Metadata(ModelRef::specific("m", 1))),
        (&get, "/v1/models/metadata", Route::Status(ModelRef::latest("metadata"))),
        (&get, "/v1/models/a%2Fb%25", Route::Status(ModelRef::latest("a/b%"))),
        (&get, "/v1/models/%252e", Route::Status(ModelRef::latest("%2e"))),
        (&post, "/v1/models/m:predict", Route::Call(ModelRef::latest("m"), Verb::Predict)),
        (&post, "/v1/models/m/versions/5:PREDICT", Route::Call(ModelRef::specific("m", 5), Verb::Predict)),
        (
            &post,
            "/v1/models/m/labels/a%20b:classify",
            Route::Call(ModelRef::labelled("m", "a b"), Verb::Classify),
        ),
        (&post, "/v1/models/m:Regress", Route::Call(ModelRef::latest("m"), Verb::Regress)),
    ] {
        assert_eq!(route(method, path), Some(Ok(expected)), "{path}");
    }
}

#[test]
fn other_paths_are_malformed_or_nobodys() {
    for (method, path, text) in [
        ("GET", "/v1/models", "Missing model name in request."),
        (
            "GET",
            "/v1/models/metadata/metadata/metadata",
            "Malformed request: GET /v1/models/metadata/metadata/metadata",
        ),
        ("GET", "/v1/models/", "Malformed request: GET /v1/models/"),
        ("GET", "/v1/modelsx/m", "Malformed request: GET /v1/modelsx/m"),
        ("GET", "/v1/models/m:predict", "Malformed request: GET /v1/models/m:predict"),
        ("GET", "/v1/models/m/versions/-1", "Malformed request: GET /v1/models/m/versions/-1"),
        (
            "GET",
            "/v1/models/m/versions/1/labels/a",
            "Malformed request: GET /v1/models/m/versions/1/labels/a",
        ),
        ("POST", "/v1/models/m", "Malformed request: POST /v1/models/m"),
        ("POST", "/v1/models/m:explode", "Malformed request: POST /v1/models/m:explode"),
        ("POST", "/v1/models//m:predict", "Malformed request: POST /v1/models//m:predict"),
        ("POST", "/v1/models/m:predict/", "Malformed request: POST /v1/models/m:predict/"),
        ("PUT", "/v1/models/m:predict", "Malformed request: PUT /v1/models/m:predict"),
        ("GET", "/v1/models/%ff", "path is not UTF-8"),
        (
            "GET",
            "/v1/models/m/versions/9223372036854775808",
            "Failed to convert version: 9223372036854775808 to numeric.",
        ),
    ] {
        let method = method.parse().unwrap();
        assert_eq!(route(&method, path), Some(Err(text.to_owned())), "{path}");
    }
    for path in ["/", "/v1", "/v2/models/m", "/metrics", "/x/v1/models/m"] {
        assert_eq!(route(&HttpMethod::GET, path), None, "{path}");
    }
}

fn one_float() -> Signature {
    signature(Method::Predict, vec![TensorSpec::new("x", DType::F32, &[-1])], vec![])
}

fn two_inputs() -> Signature {
    let specs = vec![TensorSpec::new("a", DType::F32, &[-1, 2]), TensorSpec::new("b", DType::String, &[-1])];
    signature(Method::Predict, specs, vec![])
}

fn read(signature: &Signature, text: &str) -> Result<(Form, Vec<NamedTensor>), (ErrorCode, String)> {
    let body = Bytes::copy_from_slice(text.as_bytes());
    let result = locate(&body, false).and_then(|located| read_inputs(&body, &located, signature));
    result.map_err(|error| (error.code(), error.message().to_owned()))
}

#[test]
fn rows_and_columns_become_the_same_tensors() {
    for (text, form) in [
        (r#"{"instances": [1.0, 2, 5]}"#, Form::Row),
        (r#"{"instances": [{"x": 1}, {"x": 2}, {"x": 5}]}"#, Form::Row),
        (r#"{"inputs": [1, 2, 5]}"#, Form::Column),
        (r#"{"inputs": {"x": [1, 2, 5], "other": [[{}]]}}"#, Form::Column),
        (
            r#"  {"ignored": [[1, {"a": "]"}]], "inputs": {"x": [1, 2, 5]}, "signature_name": "s"} trailing"#,
            Form::Column,
        ),
    ] {
        let (actual, inputs) = read(&one_float(), text).unwrap();
        assert_eq!(actual, form, "{text}");
        assert_eq!(inputs[0].tensor.to_vec::<f32>().unwrap(), [1.0, 2.0, 5.0], "{text}");
        assert_eq!(inputs[0].tensor.shape().dims(), [3], "{text}");
    }
}

#[test]
fn several_inputs_are_named() {
    for text in [
        r#"{"instances": [{"a": [1, 2], "b": "x"}, {"b": {"b64": "eQ=="}, "a": [3, 4]}]}"#,
        r#"{"inputs": {"b": ["x", {"b64": "eQ=="}], "a": [[1, 2], [3, 4]]}}"#,
    ] {
        let (_, inputs) = read(&two_inputs(), text).unwrap();
        assert_eq!(inputs[0].tensor.to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(inputs[0].tensor.shape().dims(), [2, 2]);
        assert_eq!(inputs[1].tensor.strings().unwrap(), ["x", "y"]);
    }
}

#[test]
fn base64_objects_are_values_and_not_names() {
    let one = signature(Method::Predict, vec![TensorSpec::new("b64", DType::String, &[-1])], vec![]);
    let (_, inputs) = read(&one, r#"{"instances": [{"b64": "aGk="}, "there"]}"#).unwrap();
    assert_eq!(inputs[0].tensor.strings().unwrap(), ["hi", "there"]);
    let (_, inputs) = read(&one, r#"{"inputs": {"b64": "aGk="}}"#).unwrap();
    assert_eq!(
        (inputs[0].tensor.shape().rank(), &inputs[0].tensor.strings().unwrap()[0][..]),
        (0, &b"hi"[..])
    );
    let (_, inputs) = read(&one, r#"{"instances": [{"b64": {"b64": "aGk="}}]}"#).unwrap();
    assert_eq!(inputs[0].tensor.strings().unwrap(), ["hi"]);
}

#[test]
fn the_signature_may_come_last() {
    let body = Bytes::from_static(br#"{"instances": [[[1]], "]"], "signature_name": "other"}"#);
    assert_eq!(locate(&body, false).unwrap().signature, "other");
}

#[test]
fn wrong_bodies_are_refused_in_the_words_of_the_wire() {
    let one = one_float();
    let two = two_inputs();
    let half = signature(Method::Predict, vec![TensorSpec::new("x", DType::F16, &[-1])], vec![]);
    let deep = format!(r#"{{"instances": [{}"#, "[".repeat(500_000));
    for (signature, text, message) in [
        (&one, "", "JSON Parse error: The document is empty"),
        (&one, " \n", "JSON Parse error: The document is empty"),
        (&one, "[1]", "JSON Value: [1] Is not object"),
        (&one, "nope", "JSON Parse error: Invalid value. at offset: 0"),
        (&one, "{}", "Missing 'inputs' or 'instances' key"),
        (
            &one,
            r#"{"instances": [1], "inputs": [1]}"#,
            "expecting only one of 'inputs' or 'instances' keys to exist",
        ),
        (&one, r#"{"instances": 1}"#, "Excepting 'instances' to be an list/array"),
        (&one, r#"{"instances": []}"#, "No values in 'instances' array"),
        (&one, r#"{"instances": [1], "instances": [2]}"#, "JSON object has the key `instances` twice"),
        (
            &one,
            r#"{"signature_name": 5, "instances": [1]}"#,
            "JSON Value: 5 not formatted correctly. 'signature_name' key must be a string value.",
        ),
        (
            &one,
            r#"{"instances": [1, [2]]}"#,
            "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [] but got: [1]",
        ),
        (
            &one,
            r#"{"instances": [[1], [2, 3]]}"#,
            "Error: INVALID_ARGUMENT: Expecting tensor size: 1 but got: 2",
        ),
        (
            &one,
            r#"{"instances": ["x"]}"#,
            r#"Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "x" Type: String is not of expected type: float"#,
        ),
        (
            &one,
            r#"{"instances": [1, {"x": 2}]}"#,
            "Expecting value/list but got object at item 1 of input list",
        ),
        (&one, r#"{"instances": [{"x": 1}, 2]}"#, "Expecting object but got list at item 1 of input list"),
        (&one, r#"{"instances": [1, 2"#, "Missing a comma or ] after an array element. at offset: 19"),
        (
            &one,
            r#"{"instances": [1}]}"#,
            "JSON Parse error: Missing a comma or } after an object member. at offset: 17",
        ),
        (&one, r#"{"inputs": {"y": 1}}"#, "Missing named input: x in 'inputs' object."),
        (&one, r#"{"inputs": {"x": 1, "x": 2}}"#, "JSON object has the key `x` twice"),
        (&one, r#"{"a": 1 "b": 2}"#, "Missing a comma or } after an object member. at offset: 8"),
        (&one, deep.as_str(), "JSON Parse error: Missing a comma or ]"),
        (&two, r#"{"instances": [1]}"#, "instances is a plain list, but expecting list of objects"),
        (
            &two,
            r#"{"instances": [{"a": [1, 2]}]}"#,
            r#"Failed to process element: 0 of 'instances' list. JSON object: {"a": [1, 2]} keys must be equal to: a,b"#,
        ),
        (
            &two,
            r#"{"instances": [{"a": [1, 2], "b": "", "c": 1}]}"#,
            "Failed to process element: 0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: c",
        ),
        (
            &two,
            r#"{"instances": [{"a": [1, 2], "a": [1, 2], "b": ""}]}"#,
            "JSON object has the key `a` twice",
        ),
        (&two, r#"{"inputs": [1]}"#, "inputs is a plain value/list, but expecting an object"),
    ] {
        let (code, actual) = read(signature, text).unwrap_err();
        assert_eq!(code, ErrorCode::InvalidArgument, "{actual}");
        assert!(actual.contains(message), "{message}\n{actual}");
    }
    assert_eq!(read(&half, r#"{"instances": [1]}"#).unwrap_err().0, ErrorCode::Unimplemented);
}

#[test]
fn deep_nesting_is_ignored_where_nobody_reads_it() {
    let nest = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let text = format!(r#"{{"unknown": {nest}, "instances": [1]}}"#);
    assert!(read(&one_float(), &text).is_ok());
    let text = format!(r#"{{"instances": {nest}}}"#);
    let (_, message) = read(&one_float(), &text).unwrap_err();
    assert!(message.contains("nested deeper than 16 levels"), "{message}");
}

#[test]
fn examples_keep_the_kind_of_their_values() {
    let text = r#"{"signature_name": "s", "context": {"c": 1.5}, "examples": [
        {"i": [1, true], "f": [1.0, NaN], "s": ["a", {"b64": "Yg=="}], "none": []}]}"#;
    let read = examples::read(&Bytes::from_static(text.as_bytes())).unwrap();
    assert_eq!((read.signature.as_str(), read.context.is_some()), ("s", true));
    let features = &read.examples[0].features.as_ref().unwrap().feature;
    let kind = |name: &str| features[name].kind.clone();
    assert!(matches!(kind("i"), Some(Kind::Int64List(list)) if list.value == [1, 1]));
    assert!(
        matches!(kind("f"), Some(Kind::FloatList(list)) if list.value[0] == 1.0 && list.value[1].is_nan())
    );
    assert!(matches!(kind("s"), Some(Kind::BytesList(list)) if list.value == ["a", "b"]));
    assert_eq!(kind("none"), None);
}

#[test]
fn wrong_examples_are_refused() {
    for (text, message) in [
        ("{}", "key 'examples' is expected and was not found"),
        (r#"{"examples": 1}"#, "Expecting 'examples' value to be an list/array"),
        (r#"{"examples": []}"#, "'examples' value is an empty array"),
        (r#"{"examples": [[1]]}"#, "Example must be JSON object but got JSON Array"),
        (r#"{"examples": [{"x": null}]}"#, "Feature: x has element with unexpected JSON type: Null"),
        (r#"{"examples": [{"x": [[1]]}]}"#, "Feature: x has element with unexpected JSON type: Array"),
        (r#"{"examples": [{"x": {"y": 1}}]}"#, "Feature: x has element with unexpected JSON type: Object"),
        (r#"{"examples": [{"x": [1, 1.5]}]}"#, "Unexpected element type in feature: x expecting type: int64"),
        (r#"{"examples": [{"x": ["a", 1]}]}"#, "Unexpected element type in feature: x expecting type: bytes"),
        (
            r#"{"examples": [{"x": 9223372036854775808}]}"#,
            "Feature: x has uint64 element. Only int64 is supported.",
        ),
        (r#"{"examples": [{"x": 1e300}]}"#, "to float without loss of precision."),
        (r#"{"examples": [{"x": 1, "x": 2}]}"#, "has the key `x` twice"),
    ] {
        let error = examples::read(&Bytes::from_static(text.as_bytes())).unwrap_err();
        assert!(error.message().contains(message), "{message}\n{error}");
    }
}

#[test]
fn examples_and_features_are_counted_together() {
    let most = examples::MAX_FEATURES;
    let list = |count: usize, one: &str| format!(r#"{{"examples": [{}]}}"#, vec![one; count].join(","));
    let many_features = |count: usize| {
        let features: Vec<String> = (0..count).map(|index| format!(r#""{index}":1"#)).collect();
        format!(r#"{{"context": {{{}}}, "examples": [{{}}]}}"#, features.join(","))
    };
    for (text, is_read) in [
        (list(most, "{}"), true),
        (list(most + 1, "{}"), false),
        (list(most / 2, r#"{"x":1}"#), true),
        (list(most / 2 + 1, r#"{"x":1}"#), false),
        (many_features(most - 2), true),
        (many_features(most - 1), false),
    ] {
        match examples::read(&Bytes::from(text)) {
            Ok(_) => assert!(is_read),
            Err(error) => {
                assert!(!is_read, "{error}");
                assert_eq!(error.code(), ErrorCode::TooLarge);
                assert!(error.message().contains("more than 262144 examples and features"), "{error}");
            }
        }
    }
}

#[test]
fn strings_are_counted_in_features_and_in_tensors() {
    let strings = |count: usize, one: &str| vec![one; count].join(",");
    for (one, more) in [("\"\"", 0), ("\"\"", 1), (r#"{"b64":""}"#, 1)] {
        let list = strings(MAX_STRINGS + more, one);
        let example = Bytes::from(format!(r#"{{"examples": [{{"x": [{list}]}}]}}"#));
        let column = Bytes::from(format!(r#"{{"inputs": [{list}]}}"#));
        let signature = signature(Method::Predict, vec![TensorSpec::new("x", DType::String, &[-1])], vec![]);
        let located = locate(&column, false).unwrap();
        let answers =
            [examples::read(&example).map(|_| ()), read_inputs(&column, &located, &signature).map(|_| ())];
        for answer in answers {
            let code = answer.err().map(|error| error.code());
            assert_eq!(code, (more > 0).then_some(ErrorCode::TooLarge), "{one}");
        }
    }
}

fn floats(name: &str, dims: &[usize], values: &[f32]) -> NamedTensor {
    NamedTensor::new(name, Tensor::from_vec(Shape::new(dims).unwrap(), values.to_vec()).unwrap())
}

fn strings(name: &str, values: &[&'static [u8]]) -> NamedTensor {
    let values: Vec<Bytes> = values.iter().map(|value| Bytes::from_static(value)).collect();
    NamedTensor::new(name, Tensor::from_strings(Shape::new(&[values.len()]).unwrap(), values).unwrap())
}

fn written(form: Form, outputs: &[NamedTensor]) -> String {
    String::from_utf8(reply::predict(form, outputs).unwrap()).unwrap()
}

#[test]
fn replies_are_laid_out_as_the_reference_lays_them_out() {
    let scalars = [floats("y", &[3], &[2.5, 3.0, 4.5])];
    assert_eq!(written(Form::Row, &scalars), "{\n    \"predictions\": [2.5, 3.0, 4.5\n    ]\n}");
    assert_eq!(
        written(Form::Column, &scalars),
        "{\n    \"outputs\": [\n        2.5,\n        3.0,\n        4.5\n    ]\n}"
    );
    let matrix = [floats("y", &[2, 2], &[1.0, 2.0, 3.0, 4.0])];
    assert_eq!(written(Form::Row, &matrix), "{\n    \"predictions\": [[1.0, 2.0], [3.0, 4.0]\n    ]\n}");
    let two = [floats("a", &[1], &[1.0]), strings("b", &[b"x\"\n"])];
    assert_eq!(
        written(Form::Row, &two),
        "{\n    \"predictions\": [\n        {\n            \"a\": 1.0,\n            \"b\": \"x\\\"\\n\"\n        }\n    ]\n}"
    );
}

#[test]
fn string_outputs_named_bytes_are_base64() {
    let outputs = [strings("picture_bytes", &[b"\xff\x00"])];
    assert_eq!(written(Form::Row, &outputs), "{\n    \"predictions\": [{\"b64\": \"/wA=\"}\n    ]\n}");
    let not_utf8 = written(Form::Row, &[strings("text", &[b"a\xff"])]);
    assert!(not_utf8.contains("\"a\u{fffd}\""), "{not_utf8}");
}

#[test]
fn rows_need_the_same_first_dimension() {
    for (outputs, text) in [
        (vec![floats("a", &[], &[1.0])], "Tensor name: a has no shape information "),
        (
            vec![floats("a", &[1], &[1.0]), floats("b", &[2], &[1.0, 2.0])],
            "Tensor name: b has inconsistent batch size: 2 expecting: 1",
        ),
        (vec![], "Cannot convert empty tensor map to JSON"),
    ] {
        assert_eq!(reply::predict(Form::Row, &outputs).unwrap_err().message(), text);
    }
    assert_eq!(written(Form::Column, &[floats("a", &[], &[1.0])]), "{\n    \"outputs\": 1.0\n}");
}

#[test]
fn labels_and_numbers_are_lists() {
    let class = |label: &str, score| Class { label: label.into(), score };
    let row = Classifications { classes: vec![class("cat", 0.75), class("dog", 0.25)] };
    let result = ClassificationResult { classifications: vec![row.clone(), row] };
    assert_eq!(
        String::from_utf8(reply::classifications(&result)).unwrap(),
        "{\n    \"results\": [[[\"cat\", 0.75], [\"dog\", 0.25]], [[\"cat\", 0.75], [\"dog\", 0.25]]\n    ]\n}"
    );
    let result = RegressionResult { regressions: vec![Regression { value: 1.0 }, Regression { value: 0.5 }] };
    assert_eq!(String::from_utf8(reply::regressions(&result)).unwrap(), "{\n    \"results\": [1.0, 0.5]\n}");
}

#[test]
fn status_prints_defaults_and_numbers_as_strings() {
    let loaded = VersionStatus { version: 123, state: VersionState::Available, error: None };
    let failed = VersionStatus {
        version: 2,
        state: VersionState::End,
        error: Some((ErrorCode::DataLoss, "broken".into())),
    };
    let expected = "{\n \"model_version_status\": [\n  {\n   \"version\": \"123\",\n   \"state\": \"AVAILABLE\",\n   \
                    \"status\": {\n    \"error_code\": \"OK\",\n    \"error_message\": \"\"\n   }\n  },\n  {\n   \
                    \"version\": \"2\",\n   \"state\": \"END\",\n   \"status\": {\n    \"error_code\": \
                    \"DATA_LOSS\",\n    \"error_message\": \"broken\"\n   }\n  }\n ]\n}\n";
    assert_eq!(String::from_utf8(documents::status(&[loaded, failed])).unwrap(), expected);
}

#[test]
fn failures_are_json_and_say_when_to_come_again() {
    for (code, status, retry) in [
        (ErrorCode::Overloaded, 503, true),
        (ErrorCode::QuotaExceeded, 429, true),
        (ErrorCode::NotFound, 404, false),
    ] {
        let failure = Failure::from(wharf_infer::ServiceError::new(code, "a \"b\"\n"));
        assert_eq!(failure.parts(), (status, "a \"b\"\n"));
        let response = failure.into_response(http::Version::HTTP_11);
        assert_eq!(response.headers().contains_key("retry-after"), retry);
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

/// Not a test but a measure: `cargo test --release -p wharf-api -- --ignored --nocapture speed`.
#[test]
#[ignore = "measures speed"]
fn speed_of_reading_and_writing() {
    let pixels: Vec<u8> =
        (0..32 * 32 * 32 * 3_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let image = [TensorSpec::new("image", DType::U8, &[-1, 32, 32, 3])];
    let shape = Shape::new(&[32, 32, 32, 3]).unwrap();
    let tensor = NamedTensor::new("image", Tensor::from_vec(shape.clone(), pixels.clone()).unwrap());
    let floats: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / 255.0).collect();
    let float_tensor = NamedTensor::new("image", Tensor::from_vec(shape, floats).unwrap());
    let float_image = [TensorSpec::new("image", DType::F32, &[-1, 32, 32, 3])];
    for (what, specs, tensor) in [("uint8", &image, &tensor), ("float32", &float_image, &float_tensor)] {
        let signature = signature(Method::Predict, specs.to_vec(), vec![]);
        let text = written(Form::Row, std::slice::from_ref(tensor)).replace("predictions", "instances");
        let dense = Bytes::from(text.replace(", ", ","));
        let rate = |bytes: usize, work: &dyn Fn()| {
            let best = (0..50).map(|_| {
                let started = std::time::Instant::now();
                work();
                started.elapsed()
            });
            bytes as f64 / best.min().unwrap().as_secs_f64() / 1e6
        };
        let read = rate(dense.len(), &|| {
            let located = locate(&dense, false).unwrap();
            std::hint::black_box(read_inputs(&dense, &located, &signature).unwrap());
        });
        let find = rate(dense.len(), &|| {
            std::hint::black_box(locate(&dense, false).unwrap());
        });
        let write = rate(text.len(), &|| {
            std::hint::black_box(reply::predict(Form::Row, std::slice::from_ref(tensor)).unwrap());
        });
        eprintln!(
            "{what}: {} bytes, locate {find:.0} MB/s, read {read:.0} MB/s, write {write:.0} MB/s",
            dense.len()
        );
    }
}

proptest! {
    #[test]
    fn no_damaged_body_makes_reading_panic(
        which in 0_usize..4,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let valid = [
            r#"{"signature_name": "s", "instances": [{"a": [1, 2.5e1], "b": "x\u00e9"}, {"b": {"b64": "eQ=="}, "a": [3, NaN]}]}"#,
            r#"{"inputs": {"b": ["x", {"b64": "eQ=="}], "a": [[1, 2], [3, 4]]}, "more": [null, true, {"k": []}]}"#,
            r#"{"instances": [1.0, 2, 5]}"#,
            r#"{"context": {"c": 1.5}, "examples": [{"i": [1, true], "f": [1.0], "s": ["a", {"b64": "Yg=="}]}]}"#,
        ];
        let mut bytes = valid[which].as_bytes().to_vec();
        for (index, value) in flips {
            let place = index.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        let body = Bytes::from(bytes);
        let _ = examples::read(&body);
        if let Ok(located) = locate(&body, false) {
            let _ = read_inputs(&body, &located, &one_float());
            let _ = read_inputs(&body, &located, &two_inputs());
        }
    }

    #[test]
    fn no_path_makes_routing_panic(path in "/v1/models[/:a-z0-9%]{0,40}") {
        for method in [HttpMethod::GET, HttpMethod::POST] {
            let _ = Route::parse(&method, &path);
        }
    }

    #[test]
    fn what_is_written_reads_back(values in prop::collection::vec(any::<f32>().prop_filter("finite", |value| value.is_finite()), 1..20)) {
        let json = reply::predict(Form::Row, &[floats("y", &[values.len()], &values)]).unwrap();
        let text = String::from_utf8(json).unwrap().replace("predictions", "instances");
        let (_, inputs) = read(&one_float(), &text).unwrap();
        prop_assert_eq!(inputs[0].tensor.to_vec::<f32>().unwrap(), values);
    }
}
