//! The wire from messages alone: what is taken apart and what is refused.

use std::sync::Arc;

use bytes::Bytes;
use wharf_infer::ErrorCode;
use wharf_serve::{ControlMode, ModelLocation, ServeConfig};
use wharf_testing::{FakeEngine, models};

use super::super::{OipBackend, SharedMemory};
use super::GrpcInferenceService as _;
use crate::Limits;
use crate::backend::Backend;
use crate::proto::inference as wire;
use crate::proto::inference::infer_parameter::ParameterChoice;
use wire::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};

struct Served {
    backend: OipBackend,
    _folder: tempfile::TempDir,
}

/// The model `m`, which gives its float input `x` back as `y`.
async fn served(control: ControlMode) -> Served {
    configured(control, "").await
}

/// The same with `text` as its configuration, if that says anything.
async fn configured(control: ControlMode, text: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let version = folder.path().join("m/3");
    std::fs::create_dir_all(&version).unwrap();
    std::fs::write(version.join("model.onnx"), models::HALF_PLUS_TWO).unwrap();
    if !text.is_empty() {
        std::fs::write(folder.path().join("m/config.pbtxt"), text).unwrap();
    }
    let config =
        ServeConfig::default().with_location(ModelLocation::repository(folder.path())).with_control(control);
    let manager = config.build(FakeEngine::free_running()).unwrap();
    manager.refresh().await.unwrap();
    let limits = Arc::new(Limits { max_tensors: 4, ..Limits::default() });
    Served {
        backend: OipBackend::new(Backend::new(manager, limits), SharedMemory::default()),
        _folder: folder,
    }
}

fn input(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

fn raw(values: &[f32]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
}

fn request() -> wire::ModelInferRequest {
    wire::ModelInferRequest {
        model_name: "m".to_owned(),
        id: "7".to_owned(),
        inputs: vec![input("x", "FP32", &[2])],
        raw_input_contents: vec![raw(&[1.0, 2.0])],
        ..wire::ModelInferRequest::default()
    }
}

fn parameter(choice: ParameterChoice) -> wire::InferParameter {
    wire::InferParameter { parameter_choice: Some(choice) }
}

fn wanted(name: &str) -> InferRequestedOutputTensor {
    InferRequestedOutputTensor { name: name.to_owned(), parameters: [].into() }
}

type Infer = Result<wire::ModelInferResponse, (ErrorCode, String)>;

async fn infer(backend: &OipBackend, request: wire::ModelInferRequest) -> Infer {
    let answer = backend.answer_infer(request, wharf_infer::Deadline::NONE).await;
    answer.map_err(|error| (error.code(), error.message().to_owned()))
}

#[tokio::test]
async fn raw_and_typed_tensors_are_answered_raw() {
    let served = served(ControlMode::None).await;
    let answer = infer(&served.backend, request()).await.unwrap();
    assert_eq!(
        (answer.model_name.as_str(), answer.model_version.as_str(), answer.id.as_str()),
        ("m", "3", "7")
    );
    assert_eq!((answer.outputs[0].name.as_str(), answer.outputs[0].datatype.as_str()), ("y", "FP32"));
    assert_eq!(answer.outputs[0].shape, [2]);
    assert_eq!(answer.raw_output_contents, [raw(&[1.0, 2.0])]);
    let mut typed = request();
    typed.raw_input_contents.clear();
    let contents = wire::InferTensorContents { fp32_contents: vec![3.0, 4.0], ..Default::default() };
    typed.inputs[0].contents = Some(contents);
    assert_eq!(infer(&served.backend, typed).await.unwrap().raw_output_contents, [raw(&[3.0, 4.0])]);
}

#[tokio::test]
async fn outputs_may_be_classified() {
    let served = served(ControlMode::None).await;
    let mut classified = request();
    let mut output = wanted("y");
    output.parameters.insert("classification".to_owned(), parameter(ParameterChoice::Int64Param(1)));
    classified.outputs.push(output);
    let answer = infer(&served.backend, classified).await.unwrap();
    assert_eq!(
        (answer.outputs[0].datatype.as_str(), answer.outputs[0].shape.as_slice()),
        ("BYTES", &[1][..])
    );
    assert_eq!(answer.raw_output_contents[0], Bytes::from_static(b"\x0a\x00\x00\x002.000000:1"));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    type Change = fn(&mut wire::ModelInferRequest);
    let served = served(ControlMode::None).await;
    let invalid = ErrorCode::InvalidArgument;
    let cases: Vec<(Change, ErrorCode, &str)> = vec![
        (|r| r.model_name.clear(), invalid, "names no model"),
        (|r| r.model_name = "x".into(), ErrorCode::NotFound, "Request for unknown model: 'x' is not found"),
        (
            |r| r.model_version = "4".into(),
            ErrorCode::NotFound,
            "Request for unknown model: 'm' version 4 is not found",
        ),
        (|r| r.model_version = "0".into(), invalid, "version should be an integer > 0"),
        (|r| r.model_version = "+3".into(), invalid, "version should be an integer > 0"),
        (|r| r.inputs[0].name = "z".into(), invalid, "unexpected inference input 'z' for model 'm'"),
        (|r| r.inputs[0].datatype = "FP64".into(), invalid, "expected 16 bytes, got 8"),
        (
            |r| r.inputs[0].datatype = "INT32".into(),
            invalid,
            "inference input 'x' data-type is 'INT32', but model 'm' expects 'FP32'",
        ),
        (|r| r.inputs[0].datatype = "FP8".into(), invalid, "invalid datatype 'FP8' for input 'x'"),
        (
            |r| r.inputs[0].shape = vec![1, 2],
            invalid,
            "unexpected shape for input 'x' for model 'm'. Expected [-1], got [1,2]",
        ),
        (|r| r.inputs[0].shape = vec![3], invalid, "expected 12 bytes, got 8"),
        (|r| r.inputs[0].shape = vec![-2], invalid, "invalid shape for input 'x'"),
        (|r| r.inputs[0].shape = vec![1 << 32, (1 << 32) + 2], invalid, "invalid shape for input 'x'"),
        (|r| r.inputs[0].shape = vec![1; 1000], invalid, "invalid shape for input 'x'"),
        (|r| r.inputs.clear(), invalid, "1 raw input contents for 0 inputs"),
        (
            |r| {
                r.inputs.clear();
                r.raw_input_contents.clear();
            },
            invalid,
            "expected 1 inputs but got 0 inputs for model 'm'. Missing: x",
        ),
        (|r| r.raw_input_contents.push(raw(&[1.0])), invalid, "2 raw input contents for 1 inputs"),
        (|r| r.raw_input_contents.clear(), invalid, "has 0 values, expected 2"),
        (
            |r| r.inputs[0].contents = Some(Default::default()),
            invalid,
            "contents field must not be specified",
        ),
        (|r| r.inputs.extend(vec![input("x", "FP32", &[2]); 4]), invalid, "more than 4 inputs"),
        (
            |r| {
                r.inputs.push(input("x", "FP32", &[1]));
                r.raw_input_contents.push(raw(&[1.0]));
            },
            invalid,
            "input 'x' already exists in request",
        ),
        (|r| r.outputs.push(wanted("z")), invalid, "unexpected inference output 'z' for model 'm'"),
        (|r| r.outputs.extend([wanted("y"), wanted("y")]), invalid, "output 'y' already exists in request"),
        (
            |r| drop(r.parameters.insert("x".into(), parameter(ParameterChoice::BoolParam(true)))),
            invalid,
            "unknown parameter 'x' of the request",
        ),
        (
            |r| drop(r.inputs[0].parameters.insert("x".into(), parameter(ParameterChoice::BoolParam(true)))),
            invalid,
            "unknown parameter 'x' of input 'x'",
        ),
    ];
    for (number, (change, code, text)) in cases.into_iter().enumerate() {
        let mut changed = request();
        change(&mut changed);
        let (actual, message) = infer(&served.backend, changed).await.unwrap_err();
        assert!(actual == code && message.contains(text), "case {number}: {actual:?} {message}");
    }
}

#[tokio::test]
async fn narrow_types_are_read_from_wide_lists() {
    let served = served(ControlMode::None).await;
    for (datatype, contents, text) in [
        ("INT8", wire::InferTensorContents { int_contents: vec![128], ..Default::default() }, "past INT8"),
        (
            "UINT16",
            wire::InferTensorContents { uint_contents: vec![65536], ..Default::default() },
            "past UINT16",
        ),
        (
            "FP16",
            wire::InferTensorContents { fp32_contents: vec![1.0], ..Default::default() },
            "fp32_contents",
        ),
        ("INT64", wire::InferTensorContents { int_contents: vec![1], ..Default::default() }, "int_contents"),
        (
            "INT8",
            wire::InferTensorContents { int_contents: vec![-128], ..Default::default() },
            "expects 'FP32'",
        ),
    ] {
        let mut request = request();
        request.raw_input_contents.clear();
        request.inputs = vec![input("x", datatype, &[1])];
        request.inputs[0].contents = Some(contents);
        let (_, message) = infer(&served.backend, request).await.unwrap_err();
        assert!(message.contains(text), "{datatype}: {message}");
    }
}

#[tokio::test]
async fn models_are_loaded_for_clients_of_both_dialects() {
    let served = served(ControlMode::Explicit).await;
    let backend = &served.backend;
    let index = || backend.answer_index(wire::RepositoryIndexRequest::default());
    assert_eq!((index().await.unwrap().models[0].state.as_str()), "");
    let none = || [].into();
    let triton = backend.answer_load(String::new(), "m".to_owned(), none()).await.unwrap();
    assert!(triton.model_name.is_empty());
    let kserve = backend.answer_load("m".to_owned(), String::new(), none()).await.unwrap();
    assert!(kserve.is_loaded && kserve.model_name == "m");
    assert_eq!(index().await.unwrap().models[0].state, "READY");
    let error = backend.answer_load(String::new(), "x".to_owned(), none()).await.unwrap_err();
    assert!(error.message().contains("failed to load 'x'"), "{error}");
    let error = backend.answer_load("r".to_owned(), "m".to_owned(), none()).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unimplemented);
    let config = [("config".to_owned(), wire::ModelRepositoryParameter::default())].into();
    assert!(backend.answer_load(String::new(), "m".to_owned(), config).await.is_err());
    backend.answer_unload(String::new(), "m".to_owned(), none()).await.unwrap();
    let models = index().await.unwrap().models;
    assert_eq!((models[0].state.as_str(), models[0].reason.as_str()), ("UNAVAILABLE", "unloaded"));
}

#[tokio::test]
async fn the_level_of_the_log_is_told_and_changed() {
    use tracing::level_filters::LevelFilter;
    use wire::log_settings_request::SettingValue;
    use wire::log_settings_request::setting_value::ParameterChoice;

    let served = served(ControlMode::None).await;
    let ask = |settings: &[(&str, Option<ParameterChoice>)]| {
        let settings = settings
            .iter()
            .map(|(name, choice)| ((*name).to_owned(), SettingValue { parameter_choice: choice.clone() }));
        tonic::Request::new(wire::LogSettingsRequest { settings: settings.collect() })
    };
    let refused = served.backend.log_settings(ask(&[])).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);

    let (sender, changes) = std::sync::mpsc::channel();
    let change = move |level| sender.send(level).map_err(|error| error.to_string());
    let control = crate::LogControl::new(LevelFilter::WARN, change);
    let backend = served.backend.clone().with_log_control(Some(control));
    let verbose = ("log_verbose_level", Some(ParameterChoice::Uint32Param(1)));
    let settings = backend.log_settings(ask(&[verbose])).await.unwrap().into_inner().settings;
    assert_eq!((settings.len(), changes.try_iter().collect::<Vec<_>>()), (6, vec![LevelFilter::DEBUG]));
    backend.log_settings(ask(&[])).await.unwrap();
    assert!(changes.try_recv().is_err(), "asking changes nothing");
    for wrong in [("log_file", Some(ParameterChoice::StringParam("x".into()))), ("log_info", None)] {
        let refused = backend.log_settings(ask(&[wrong])).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
    assert!(backend.extensions().contains(&"logging"));
}

#[tokio::test]
async fn requests_of_sequences_go_by_their_ids() {
    let text = "sequence_batching { max_sequence_idle_microseconds: 3600000000 oldest { max_candidate_sequences: 9 } }";
    let served = configured(ControlMode::None, text).await;
    let number = |id| ("sequence_id", ParameterChoice::Int64Param(id));
    let text = |id: &str| ("sequence_id", ParameterChoice::StringParam(id.to_owned()));
    let start = || ("sequence_start", ParameterChoice::BoolParam(true));
    let end = || ("sequence_end", ParameterChoice::BoolParam(true));
    let not_begun =
        |id| format!("inference request for sequence {id} to model 'm' must specify the START flag");
    for (parameters, expected) in [
        (vec![], Some("must specify a non-zero or non-empty correlation ID".to_owned())),
        (vec![number(7)], Some(not_begun("7"))),
        (vec![number(7), start()], None),
        (vec![number(7)], None),
        (vec![text("7")], Some(not_begun("7"))),
        (vec![text("7"), start()], None),
        (vec![number(7), end()], None),
        (vec![number(7)], Some(not_begun("7"))),
        (vec![text("7"), end()], None),
        // Clients write large numbers as negative ones.
        (vec![number(-1), end()], Some(not_begun("18446744073709551615"))),
        (vec![number(-1), start(), end()], None),
        (vec![("sequence_id", ParameterChoice::BoolParam(true))], Some("parameter 'sequence_id'".to_owned())),
    ] {
        let named = parameters.iter().map(|(name, choice)| ((*name).to_owned(), parameter(choice.clone())));
        let answer =
            infer(&served.backend, wire::ModelInferRequest { parameters: named.collect(), ..request() })
                .await;
        match expected {
            None => assert!(answer.is_ok(), "{parameters:?}: {answer:?}"),
            Some(text) => {
                let (code, message) = answer.unwrap_err();
                assert_eq!(code, ErrorCode::InvalidArgument);
                assert!(message.contains(&text), "{parameters:?}: {message}");
            }
        }
    }
    let asked = wire::ModelConfigRequest { name: "m".to_owned(), version: String::new() };
    let reply = served.backend.model_config(tonic::Request::new(asked)).await.unwrap().into_inner();
    let Some(wire::model_config::SchedulingChoice::SequenceBatching(batching)) =
        reply.config.unwrap().scheduling_choice
    else {
        panic!("no sequence batching")
    };
    assert_eq!(batching.max_sequence_idle_microseconds, 3_600_000_000);
    let oldest = wire::model_sequence_batching::StrategyOldest {
        max_candidate_sequences: 9,
        ..wire::model_sequence_batching::StrategyOldest::default()
    };
    assert_eq!(batching.strategy_choice, Some(wire::model_sequence_batching::StrategyChoice::Oldest(oldest)));
}
