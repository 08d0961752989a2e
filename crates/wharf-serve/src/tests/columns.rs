//! Models that are asked with the columns of a table.

use std::sync::Arc;
use std::time::Duration;

use wharf_bundle::{
    EngineKind, Manifest, Method, OutputSource, Repository, Signature, SignatureInput, SignatureOutput, Task,
};
use wharf_engine::OnnxEngine;
use wharf_infer::{ErrorCode, InferRequest, ModelRef, NamedTensor};
use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
use wharf_testing::models;
use wharf_transform::columns::ColumnProgram;

use super::{Folder, send, serve};
use crate::{BatchConfig, ServeLimits};

/// A bundle that gives back its two features: an age, 40 where it is missing, and whether the text is `m`. The age may
/// be sent as text as well.
fn publish(folder: &Folder) {
    let program: ColumnProgram = serde_json::from_str(
        r#"{ "columns": [
            { "name": "age", "takes": "text", "encoding": { "as": "number", "impute": 40 } },
            { "name": "sex", "takes": "text", "encoding": { "as": "one_hot", "levels": ["m"] } }
        ] }"#,
    )
    .unwrap();
    let input = |spec| SignatureInput { spec, graph_input: "x".to_owned(), transform: Vec::new() };
    let signature = Signature {
        method: Method::Predict,
        inputs: program.inputs().into_iter().map(input).collect(),
        outputs: vec![SignatureOutput {
            spec: TensorSpec::new("y", DType::F32, &[-1, 2]),
            source: OutputSource::Graph { output: "y".to_owned() },
        }],
        columns: Some(program),
    };
    let mut manifest = Manifest::new("people", Task::Regression, EngineKind::Onnx);
    manifest.signatures.insert("serving_default".into(), signature);
    let staging = Repository::create(folder.path()).unwrap().stage("people").unwrap();
    staging.write("model.onnx", models::identity(DType::F32)).unwrap();
    staging.publish(manifest, None, |_| Ok(())).unwrap();
}

fn person(ages: &[String], sex: &str) -> InferRequest {
    let texts = |texts: Vec<&str>| {
        let texts: Vec<_> = texts.into_iter().map(|text| text.as_bytes().to_vec().into()).collect();
        Tensor::from_strings(Shape::new(&[texts.len()]).unwrap(), texts).unwrap()
    };
    let mut request = InferRequest::new(ModelRef::latest("people"));
    let sexes = texts(vec![sex; ages.len()]);
    let ages = texts(ages.iter().map(String::as_str).collect());
    request.inputs = vec![NamedTensor::new("age", ages), NamedTensor::new("sex", sexes)];
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_many_callers_run_together_and_a_bad_one_fails_alone() {
    let folder = Folder::new();
    publish(&folder);
    let limits = ServeLimits::default().with_workers(1).with_inline_below(Duration::ZERO);
    // Long enough for all of them to meet, and never waited for: the batch is full by then.
    let batching =
        BatchConfig::default().with_max_batch_size(32).with_max_queue_delay(Duration::from_secs(600));
    let config = folder.config().with_limits(limits).with_default_batching(batching);
    let manager = serve(config, Arc::new(OnnxEngine::new().unwrap())).await;
    let of = |number: u8| match number {
        7 => [String::new(), "8".to_owned()],
        13 => ["1".to_owned(), "thirteen".to_owned()],
        _ => [number.to_string(), (number + 1).to_string()],
    };
    let ask = |number: u8| person(&of(number), if number.is_multiple_of(2) { "m" } else { "f" });
    let sent: Vec<_> = (0..16_u8).map(|number| send(&manager, ask(number))).collect();
    for (number, answer) in (0..16_u8).zip(sent) {
        match answer.await.unwrap() {
            Ok(answer) => {
                let is_m = f32::from(u8::from(number.is_multiple_of(2)));
                let age = if number == 7 { 40.0 } else { f32::from(number) };
                let expected = [age, is_m, f32::from(number) + 1.0, is_m];
                assert_eq!(answer.outputs[0].tensor.to_vec::<f32>().unwrap(), expected);
            }
            Err(error) => {
                assert_eq!((number, error.code()), (13, ErrorCode::InvalidArgument));
                assert_eq!(error.message(), "column `age`, row 1: `thirteen` is not a number");
            }
        }
    }
    let batches = manager.batches(&ModelRef::latest("people")).unwrap();
    assert_eq!((batches.full, batches.requests, batches.split), (1, 16, 1));
}
