//! Bundles by their signatures, over the real runtime.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use wharf_bundle::{
    Bundle, EngineKind, GOLDENS_FILE, GoldenCase, Goldens, Manifest, Method, OutputSource, Repository,
    Signature, SignatureInput, SignatureOutput, Task,
};
use wharf_infer::{ErrorCode, NamedTensor, ServiceError};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
use wharf_testing::models;
use wharf_transform::Step;

use super::{LoadedModel, replay_goldens};
use crate::{Engine, LoadOptions, ModelSource, OnnxEngine, Replica, StopSignal};

fn graph(name: &str, dtype: DType, dims: &[i64]) -> SignatureOutput {
    let source = OutputSource::Graph { output: name.to_owned() };
    SignatureOutput { spec: TensorSpec::new(name, dtype, dims), source }
}

fn image(dtype: DType, dims: &[i64], transform: Vec<Step>) -> SignatureInput {
    SignatureInput { spec: TensorSpec::new("image", dtype, dims), graph_input: "image".into(), transform }
}

/// The three signatures of a picture bundle over the classifier of 4 x 4 pictures.
fn signatures() -> BTreeMap<String, Signature> {
    let outputs = || {
        let probabilities = graph("probabilities", DType::F32, &[-1, 3]);
        vec![probabilities, graph("classes", DType::I64, &[-1]), graph("logits", DType::F32, &[-1, 3])]
    };
    let predict =
        |input| Signature { method: Method::Predict, inputs: vec![input], outputs: outputs(), columns: None };
    let encoded = vec![Step::Decode, Step::Rgb, Step::Resize { height: 4, width: 4 }, Step::ToFloat];
    let mut classify = predict(image(DType::String, &[-1], encoded));
    classify.method = Method::Classify;
    classify.inputs[0].spec.name = "image_bytes".into();
    let labels = OutputSource::Labels { classes: "classes".into() };
    classify
        .outputs
        .push(SignatureOutput { spec: TensorSpec::new("labels", DType::String, &[-1]), source: labels });
    BTreeMap::from([
        ("serving_default".to_owned(), predict(image(DType::U8, &[-1, 4, 4, 3], vec![Step::ToFloat]))),
        ("float".to_owned(), predict(image(DType::F32, &[-1, 4, 4, 3], Vec::new()))),
        ("encoded".to_owned(), classify),
    ])
}

fn labels() -> Vec<String> {
    ["red", "green", "blue"].map(str::to_owned).to_vec()
}

fn replica() -> Arc<dyn Replica> {
    let source = ModelSource::Bytes(models::CLASSIFIER_FLOAT);
    OnnxEngine::new().unwrap().load(source, &LoadOptions::default()).unwrap()
}

fn model() -> LoadedModel {
    LoadedModel::new(replica(), signatures(), labels()).unwrap()
}

/// One 4 x 4 picture of one colour.
fn pixels(colour: [u8; 3]) -> Tensor {
    Tensor::from_vec(Shape::new(&[1, 4, 4, 3]).unwrap(), colour.repeat(16)).unwrap()
}

/// A picture file of 8 x 6 pixels of one colour, in the simplest of formats.
fn picture_file(colour: [u8; 3]) -> Tensor {
    let file = [&b"P6\n8 6\n255\n"[..], &colour.repeat(48)].concat();
    Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![Bytes::from(file)]).unwrap()
}

fn run(
    model: &LoadedModel,
    signature: &str,
    input: NamedTensor,
    outputs: &[&str],
) -> Result<Vec<NamedTensor>, ServiceError> {
    let outputs: Vec<String> = outputs.iter().map(|name| (*name).to_owned()).collect();
    model.check(signature, std::slice::from_ref(&input), &outputs)?;
    model.run(signature, &[input], &outputs, &StopSignal::never())
}

#[test]
fn every_signature_gives_the_same_answer() {
    let model = model();
    let floats =
        Tensor::from_vec(Shape::new(&[1, 4, 4, 3]).unwrap(), [0.0_f32, 1.0, 0.2].repeat(16)).unwrap();
    let mut answers = Vec::new();
    for (signature, name, tensor) in [
        ("serving_default", "image", pixels([0, 255, 51])),
        ("float", "image", floats),
        ("encoded", "image_bytes", picture_file([0, 255, 51])),
    ] {
        let outputs =
            run(&model, signature, NamedTensor::new(name, tensor), &["probabilities", "classes"]).unwrap();
        assert_eq!(outputs[1].tensor.to_vec::<i64>().unwrap(), [1]);
        answers.push(outputs[0].tensor.to_vec::<f32>().unwrap());
    }
    wharf_testing::assert_close(&answers[1], &answers[0], 0.0, 1e-6);
    wharf_testing::assert_close(&answers[2], &answers[0], 0.0, 1e-6);
}

#[test]
fn labels_name_the_classes_and_outputs_keep_their_order() {
    let sent = NamedTensor::new("image_bytes", picture_file([9, 10, 200]));
    let outputs = run(&model(), "encoded", sent, &["labels", "classes"]).unwrap();
    assert_eq!(outputs[0].tensor.strings().unwrap(), [&b"blue"[..]]);
    let names =
        |outputs: &[NamedTensor]| outputs.iter().map(|output| output.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&outputs), ["labels", "classes"]);
    let all =
        run(&model(), "encoded", NamedTensor::new("image_bytes", picture_file([1, 2, 3])), &[]).unwrap();
    assert_eq!(names(&all), ["probabilities", "classes", "logits", "labels"]);
}

/// Signature, inputs, outputs; code and message of the refusal.
type Refusal = (&'static str, Vec<NamedTensor>, Vec<&'static str>, ErrorCode, &'static str);

#[test]
fn refusals_use_the_words_of_tensorflow_serving() {
    let model = model();
    let image = |name: &str| NamedTensor::new(name, pixels([0, 0, 0]));
    let cases: Vec<Refusal> = vec![
        ("nope", vec![], vec![], ErrorCode::FailedPrecondition, "Serving signature key \"nope\" not found."),
        (
            "serving_default",
            vec![],
            vec![],
            ErrorCode::InvalidArgument,
            "input size does not match signature: 0!=1 len({}) != len({image}). Sent extra: {}. Missing but required: {image}.",
        ),
        (
            "serving_default",
            vec![image("x"), image("image")],
            vec![],
            ErrorCode::InvalidArgument,
            "input size does not match signature: 2!=1 len({image,x}) != len({image}). Sent extra: {x}. Missing but required: {}.",
        ),
        (
            "serving_default",
            vec![image("x")],
            vec![],
            ErrorCode::InvalidArgument,
            "input tensor alias not found in signature: x. Inputs expected to be in the set {image}.",
        ),
        (
            "serving_default",
            vec![image("image")],
            vec!["scores"],
            ErrorCode::InvalidArgument,
            "output tensor alias not found in signature: scores Outputs expected to be in the set {classes,logits,probabilities}.",
        ),
        (
            "serving_default",
            vec![image("image")],
            vec!["classes", "classes"],
            ErrorCode::InvalidArgument,
            "duplicate output tensor alias: classes",
        ),
        (
            "float",
            vec![image("image")],
            vec![],
            ErrorCode::InvalidArgument,
            "input `image` has type uint8, expected float32",
        ),
    ];
    for (signature, inputs, outputs, code, message) in cases {
        let outputs: Vec<String> = outputs.into_iter().map(str::to_owned).collect();
        let error = model.check(signature, &inputs, &outputs).unwrap_err();
        assert_eq!((error.code(), error.message()), (code, message));
    }
}

#[test]
fn a_damaged_picture_is_the_callers_mistake() {
    let file =
        Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![Bytes::from_static(b"P6\n8 6\n255\nshort")]);
    let error = run(&model(), "encoded", NamedTensor::new("image_bytes", file.unwrap()), &[]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.message().starts_with("input `image_bytes`: "), "{error}");
}

/// A way to spoil a signature, and what the refusal says.
type Spoilt = (fn(&mut Signature), &'static str);

#[test]
fn signatures_that_do_not_fit_the_graph_are_refused() {
    let cases: [Spoilt; 7] = [
        (|signature| signature.inputs[0].graph_input = "picture".into(), "expected 1"),
        (|signature| signature.inputs.push(signature.inputs[0].clone()), "2 inputs become `image`"),
        (|signature| signature.inputs[0].transform.clear(), "is uint8, the graph takes float32"),
        (
            |signature| signature.inputs[0].transform = vec![Step::RandomHorizontalFlip { probability: 0.5 }],
            "training only",
        ),
        (|signature| signature.inputs[0].transform = vec![Step::ToFloat, Step::Decode], "input `image`"),
        (|signature| signature.outputs[0].spec.dtype = DType::F64, "is float64, the graph gives float32"),
        (
            |signature| signature.outputs.push(graph("nope", DType::F32, &[-1])),
            "`nope`, which the graph lacks",
        ),
    ];
    for (spoil, expected) in cases {
        let mut signature = signatures().remove("serving_default").unwrap();
        spoil(&mut signature);
        let outcome = LoadedModel::new(replica(), BTreeMap::from([("s".to_owned(), signature)]), labels());
        let message = outcome.err().unwrap().to_string();
        assert!(message.starts_with("signature `s`: ") && message.contains(expected), "{message}");
    }
    assert!(LoadedModel::new(replica(), signatures(), Vec::new()).is_err(), "labels without labels");
}

#[test]
fn a_lone_model_has_the_signature_of_its_graph() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("add.onnx");
    std::fs::write(&path, models::ADD).unwrap();
    let bundle = Bundle::open(&path).unwrap();
    let model = LoadedModel::load(&bundle, &OnnxEngine::new().unwrap(), &LoadOptions::default()).unwrap();
    let signature = &model.signatures()["serving_default"];
    let names: Vec<&str> = signature.inputs.iter().map(|input| input.spec.name.as_str()).collect();
    assert_eq!((names, signature.outputs.len()), (vec!["a", "b"], 2));
    assert_eq!(model.replay(&bundle).unwrap().signatures, 0, "no goldens are no error");
}

/// Publishes the classifier with goldens that `spoil` may change, replayed as publishing does.
fn publish(root: &Path, spoil: impl Fn(&mut GoldenCase)) -> Result<Bundle, wharf_bundle::BundleError> {
    let mut goldens = Goldens::default();
    for (signature, name, tensor) in [
        ("serving_default", "image", pixels([0, 255, 51])),
        ("encoded", "image_bytes", picture_file([255, 0, 0])),
    ] {
        let outputs = run(&model(), signature, NamedTensor::new(name, tensor.clone()), &[]).unwrap();
        let mut case = GoldenCase {
            inputs: BTreeMap::from([(name.to_owned(), tensor)]),
            outputs: outputs.into_iter().map(|output| (output.name, output.tensor)).collect(),
        };
        spoil(&mut case);
        goldens.cases.insert(signature.to_owned(), case);
    }
    let mut manifest = Manifest::new("colours", Task::Classification, EngineKind::Onnx);
    (manifest.signatures, manifest.labels) = (signatures(), labels());
    let staging = Repository::create(root)?.stage("colours")?;
    staging.write("model.onnx", models::CLASSIFIER_FLOAT)?;
    staging.write(GOLDENS_FILE, &goldens.to_bytes()?)?;
    let engine = OnnxEngine::new().unwrap();
    staging.publish(manifest, None, |bundle| {
        let report = replay_goldens(bundle, &engine)?;
        assert_eq!(report.signatures, 2);
        Ok(())
    })
}

#[test]
fn goldens_decide_whether_a_bundle_is_published() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(publish(root.path(), |_| {}).unwrap().manifest().version, 1);
    let spoilt: [fn(&mut GoldenCase); 4] = [
        |case| {
            let wrong =
                case.outputs["probabilities"].to_vec::<f32>().unwrap().iter().map(|p| p + 0.001).collect();
            let shape = case.outputs["probabilities"].shape().clone();
            case.outputs.insert("probabilities".into(), Tensor::from_vec(shape, wrong).unwrap());
        },
        |case| {
            let wrong = Tensor::from_vec(Shape::new(&[1]).unwrap(), vec![2_i64]).unwrap();
            case.outputs.insert("classes".into(), wrong);
        },
        |case| case.inputs.clear(),
        |case| case.outputs.clear(),
    ];
    for spoil in spoilt {
        assert!(publish(root.path(), spoil).is_err());
        assert_eq!(
            Repository::open(root.path()).unwrap().versions("colours").unwrap(),
            [1],
            "nothing is left"
        );
    }
}
