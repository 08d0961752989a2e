//! The manager over ONNX Runtime.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wharf_bundle::{
    EngineKind, GOLDENS_FILE, GoldenCase, Goldens, Manifest, Method, OutputSource, Repository, Signature,
    SignatureInput, SignatureOutput, Task,
};
use wharf_engine::OnnxEngine;
use wharf_infer::{Deadline, ErrorCode, InferRequest, ModelRef, NamedTensor};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
use wharf_testing::models;
use wharf_transform::Step;

use super::{Folder, request, send, serve, value};
use crate::{ModelLocation, ServeConfig, ServeLimits, VersionState};

fn engine() -> Arc<OnnxEngine> {
    Arc::new(OnnxEngine::new().unwrap())
}

#[tokio::test]
async fn a_lone_model_is_served() {
    let folder = Folder::new();
    let path = folder.put("m", 1).join("model.onnx");
    let config = ServeConfig::default().with_location(ModelLocation::named_model("half", path));
    let manager = serve(config, engine()).await;
    let answer = manager.infer(request("half", 3.0)).await.unwrap();
    assert_eq!((value(&answer), answer.model_version), (3.5, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_get_their_own_answers_inline_or_not() {
    let folder = Folder::new();
    folder.put("m", 1);
    for inline_below in [Duration::ZERO, Duration::from_secs(1)] {
        let limits = ServeLimits::default().with_inline_below(inline_below);
        let manager = serve(folder.config().with_limits(limits), engine()).await;
        let sent: Vec<_> =
            (0..500_u16).map(|number| send(&manager, request("m", f32::from(number)))).collect();
        for (number, answer) in (0..500_u16).zip(sent) {
            assert_eq!(value(&answer.await.unwrap().unwrap()), f32::from(number) / 2.0 + 2.0);
        }
    }
}

#[tokio::test]
async fn a_damaged_model_says_why_and_the_others_serve() {
    let folder = Folder::new();
    folder.put("good", 1);
    folder.put_bytes("cut", 1, &models::LENET[..1000]);
    folder.put_bytes("empty", 1, b"");
    let manager = serve(folder.config(), engine()).await;
    assert!(manager.infer(request("good", 1.0)).await.is_ok());
    for name in ["cut", "empty"] {
        let status = manager.status(name, None).unwrap().remove(0);
        assert_eq!(status.state, VersionState::End);
        let (code, message) = status.error.unwrap();
        assert_eq!(code, ErrorCode::DataLoss);
        assert!(!message.contains('/'), "{message}");
    }
}

#[tokio::test]
async fn hostile_tensors_are_the_callers_mistake() {
    let folder = Folder::new();
    folder.put_bytes("gather", 1, models::GATHER);
    folder.put_bytes("add", 1, models::ADD);
    folder.put_bytes("classify", 1, models::CLASSIFIER_FLOAT);
    let manager = serve(folder.config(), engine()).await;
    let floats = |dims: &[usize]| {
        let shape = Shape::new(dims).unwrap();
        Tensor::from_vec(shape.clone(), vec![0.0_f32; shape.num_elements()]).unwrap()
    };
    let long = "n".repeat(1 << 20);
    let cases: Vec<(&str, Vec<(&str, Tensor)>)> = vec![
        ("gather", vec![("index", Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![99_i64]).unwrap())]),
        ("gather", vec![("index", floats(&[1]))]),
        ("gather", vec![("index", Tensor::from_vec(Shape::scalar(), vec![0_i64]).unwrap())]),
        ("add", vec![("a", floats(&[1, 2])), ("b", floats(&[1, 3]))]),
        ("add", vec![("a", floats(&[1, 2])), ("b", floats(&[5, 2, 1]))]),
        ("add", vec![("a", floats(&[2, 2])), ("b", floats(&[3, 2]))]),
        ("add", vec![("a", floats(&[1, 2])), ("a", floats(&[1, 2]))]),
        ("add", vec![("a", floats(&[1, 2])), (&long, floats(&[1, 2]))]),
        ("add", (0..10_000).map(|_| ("a", floats(&[1, 2]))).collect()),
        ("classify", vec![("image", floats(&[1, 4, 4]))]),
        ("classify", vec![("image", floats(&[1, 4, 4, 3, 1]))]),
    ];
    for (model, inputs) in cases {
        let mut request = InferRequest::new(ModelRef::latest(model));
        request.inputs = inputs.into_iter().map(|(name, tensor)| NamedTensor::new(name, tensor)).collect();
        let error = manager.infer(request).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument, "{error}");
        assert!(error.message().len() < 3000 && !error.message().contains('/'), "{error}");
    }
    let mut numbers = InferRequest::new(ModelRef::latest("classify"));
    for value in [f32::NAN, f32::INFINITY, f32::MIN_POSITIVE / 2.0, f32::MAX] {
        let tensor = Tensor::from_vec(Shape::new(&[1, 4, 4, 3]).unwrap(), vec![value; 48]).unwrap();
        numbers.inputs = vec![NamedTensor::new("image", tensor)];
        assert!(manager.infer(numbers.clone()).await.is_ok(), "{value}");
    }
}

fn graph(name: &str, dtype: DType, dims: &[i64]) -> SignatureOutput {
    let source = OutputSource::Graph { output: name.to_owned() };
    SignatureOutput { spec: TensorSpec::new(name, dtype, dims), source }
}

/// A bundle of the 4 x 4 classifier that takes at most four pictures; its golden says `class`.
fn publish(folder: &Folder, class: i64) {
    let transform = vec![Step::ToFloat];
    let spec = TensorSpec::new("image", DType::U8, &[-1, 4, 4, 3]);
    let signature = Signature {
        method: Method::Predict,
        inputs: vec![SignatureInput { spec, graph_input: "image".into(), transform }],
        outputs: vec![graph("classes", DType::I64, &[-1])],
        columns: None,
    };
    let mut manifest = Manifest::new("colours", Task::Classification, EngineKind::Onnx);
    manifest.signatures.insert("serving_default".into(), signature);
    manifest.limits.max_batch_size = Some(4);
    let classes = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![class]).unwrap();
    let case = GoldenCase {
        inputs: BTreeMap::from([("image".to_owned(), pictures(1))]),
        outputs: BTreeMap::from([("classes".to_owned(), classes)]),
    };
    let goldens = Goldens { cases: BTreeMap::from([("serving_default".to_owned(), case)]) };
    let staging = Repository::create(folder.path()).unwrap().stage("colours").unwrap();
    staging.write("model.onnx", models::CLASSIFIER_FLOAT).unwrap();
    staging.write(GOLDENS_FILE, &goldens.to_bytes().unwrap()).unwrap();
    staging.publish(manifest, None, |_| Ok(())).unwrap();
}

fn pictures(count: usize) -> Tensor {
    let pixels = [0_u8, 200, 10].repeat(16 * count);
    Tensor::from_vec(Shape::new(&[count, 4, 4, 3]).unwrap(), pixels).unwrap()
}

#[tokio::test]
async fn a_bundle_serves_when_its_goldens_hold_and_keeps_its_limits() {
    let folder = Folder::new();
    publish(&folder, 1);
    let manager = serve(folder.config(), engine()).await;
    let mut request = InferRequest::new(ModelRef::latest("colours"));
    for (count, expected) in [(0, true), (1, true), (4, true), (5, false)] {
        request.inputs = vec![NamedTensor::new("image", pictures(count))];
        let answer = manager.infer(request.clone()).await;
        assert_eq!(answer.is_ok(), expected, "{count}: {answer:?}");
        if let Ok(answer) = answer {
            assert_eq!(answer.outputs[0].tensor.to_vec::<i64>().unwrap(), vec![1; count]);
        }
    }
    publish(&folder, 2);
    manager.refresh().await.unwrap();
    let statuses = manager.status("colours", None).unwrap();
    assert_eq!((statuses[0].version, statuses[0].state), (2, VersionState::End));
    let (_, message) = statuses[0].error.clone().unwrap();
    assert!(message.starts_with("golden of signature `serving_default`"), "{message}");
    assert_eq!(statuses[1].state, VersionState::Available, "the version before goes on");
}

#[tokio::test]
async fn a_byte_changed_after_publishing_keeps_a_version_from_loading() {
    let folder = Folder::new();
    publish(&folder, 1);
    let weights = folder.path().join("colours/1/model.onnx");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let manager = serve(folder.config(), engine()).await;
    let (code, _) = manager.status("colours", None).unwrap()[0].error.clone().unwrap();
    assert_eq!(code, ErrorCode::DataLoss);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_without_end_ends_with_its_deadline_even_after_short_runs() {
    let folder = Folder::new();
    folder.put_bytes("slow", 1, models::SLOW);
    let limits = ServeLimits::default().with_inline_below(Duration::from_secs(1));
    let manager = serve(folder.config().with_limits(limits), engine()).await;
    let times = |times: i64| {
        let mut request = InferRequest::new(ModelRef::latest("slow"));
        let tensor = Tensor::from_vec(Shape::scalar(), vec![times]).unwrap();
        request.inputs.push(NamedTensor::new("times", tensor));
        request
    };
    for _ in 0..20 {
        manager.infer(times(1)).await.unwrap();
    }
    let mut endless = times(i64::MAX);
    endless.deadline = Deadline::after(Duration::from_millis(20));
    assert_eq!(manager.infer(endless).await.unwrap_err().code(), ErrorCode::DeadlineExceeded);
    while manager.gauges().in_flight > 0 {
        tokio::task::yield_now().await;
    }
}
