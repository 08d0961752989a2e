use std::sync::Arc;

use tempfile::TempDir;
use wharf_serve::{ModelLocation, ModelManager, ServeConfig, VersionState};
use wharf_testing::{FakeEngine, models};

use super::records::written;
use super::*;
use crate::proto::tensorflow::feature::Kind;
use crate::proto::tensorflow::serving::{
    ExampleList, InferenceTask, MultiInferenceLog, PredictLog, RegressLog, RegressionRequest, SessionRunLog,
    input,
};
use crate::proto::tensorflow::tensor_shape_proto::Dim;
use crate::proto::tensorflow::{
    DataType, Example, Feature, Features, FloatList, TensorProto, TensorShapeProto,
};

fn record(log: LogType) -> Vec<u8> {
    PredictionLog { log_type: Some(log) }.encode_to_vec()
}

fn tensor(dtype: DataType) -> TensorProto {
    let shape =
        TensorShapeProto { dim: vec![Dim { size: 1, ..Dim::default() }], ..TensorShapeProto::default() };
    TensorProto { dtype: dtype as i32, tensor_shape: Some(shape), ..TensorProto::default() }
}

fn spec(signature: &str) -> Option<ModelSpec> {
    let (name, signature_name) = ("another name".to_owned(), signature.to_owned());
    Some(ModelSpec { name, signature_name, version_choice: None })
}

fn predict(signature: &str, tensor: TensorProto) -> Vec<u8> {
    let inputs = [("x".to_owned(), tensor)].into();
    let request = PredictRequest { model_spec: spec(signature), inputs, output_filter: vec![] };
    record(LogType::PredictLog(PredictLog { request: Some(request) }))
}

fn examples_of_x() -> Option<Input> {
    let kind = Some(Kind::FloatList(FloatList { value: vec![1.0] }));
    let features = Features { feature: [("x".to_owned(), Feature { kind })].into() };
    let examples = vec![Example { features: Some(features) }];
    Some(Input { kind: Some(input::Kind::ExampleList(ExampleList { examples })) })
}

fn regress() -> Vec<u8> {
    let request = RegressionRequest { model_spec: spec(""), input: examples_of_x() };
    record(LogType::RegressLog(RegressLog { request: Some(request) }))
}

fn multi_inference() -> Vec<u8> {
    let task = InferenceTask { model_spec: spec(""), method_name: REGRESS_METHOD.to_owned() };
    let request = MultiInferenceRequest { tasks: vec![task], input: examples_of_x() };
    record(LogType::MultiInferenceLog(MultiInferenceLog { request: Some(request) }))
}

/// A server of a model with this warm-up file.
async fn load(engine: &Arc<FakeEngine>, file: Option<&[u8]>) -> (ModelManager, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let version = folder.path().join("m/1");
    std::fs::create_dir_all(version.join("assets.extra")).unwrap();
    std::fs::write(version.join("model.onnx"), models::HALF_PLUS_TWO).unwrap();
    if let Some(file) = file {
        std::fs::write(version.join(FILE), file).unwrap();
    }
    let config = ServeConfig::default().with_location(ModelLocation::repository(folder.path()));
    let config = config.with_warm_up(Arc::new(TfsWarmUp::default()));
    let manager = config.build(Arc::clone(engine) as _).unwrap();
    manager.refresh().await.unwrap();
    (manager, folder)
}

#[tokio::test]
async fn every_kind_of_request_is_answered_before_the_version_is_served() {
    let engine = FakeEngine::free_running();
    let file = written(&[predict("", tensor(DataType::DtFloat)), regress(), multi_inference()]);
    let (manager, _folder) = load(&engine, Some(&file)).await;
    assert_eq!(manager.status("m", None).unwrap()[0].state, VersionState::Available);
    assert_eq!(engine.started(), 3);
}

#[tokio::test]
async fn a_version_without_the_file_or_with_an_empty_one_is_served() {
    for file in [None, Some(&[][..])] {
        let engine = FakeEngine::free_running();
        let (manager, _folder) = load(&engine, file).await;
        assert!(manager.is_available("m"));
        assert_eq!(engine.started(), 0);
    }
}

#[tokio::test]
async fn a_request_that_fails_or_a_damaged_file_keeps_the_version_from_being_served() {
    let good = predict("", tensor(DataType::DtFloat));
    let many = vec![good.clone(); MAX_RECORDS + 1];
    let session = record(LogType::SessionLog(SessionRunLog {}));
    for (file, expected) in [
        (b"not a TFRecord file at all".to_vec(), "Please verify your warmup data is in TFRecord format."),
        (written(std::slice::from_ref(&good))[..20].to_vec(), "the last record is cut off"),
        (written(&[good.clone(), predict("", tensor(DataType::DtString))]), "record 2:"),
        (
            written(&[predict("other", tensor(DataType::DtFloat))]),
            "Serving signature key \"other\" not found.",
        ),
        (written(&[vec![]]), "record 1: is no PredictionLog"),
        (written(&[session]), "session_log"),
        (written(&many), "exceeds the maximum (1000)"),
    ] {
        let (manager, _folder) = load(&FakeEngine::free_running(), Some(&file)).await;
        let status = manager.status("m", None).unwrap().remove(0);
        let (_, message) = status.error.unwrap();
        assert!(message.starts_with("warm-up failed: ") && message.contains(expected), "{message}");
        assert_eq!(status.state, VersionState::End);
    }
}
