use std::collections::BTreeMap;
use std::time::Duration;

use wharf_bundle::{
    Bundle, DEFAULT_SIGNATURE, EngineKind, GOLDENS_FILE, GoldenCase, Goldens, Manifest, Repository, Task,
};
use wharf_engine::{replay_goldens, signature_of_graph};
use wharf_onnx::Model;
use wharf_tensor::{Shape, Tensor};

use super::nets::{answers, engine, evaluation, picture_net, samples};
use crate::{
    Budget, Candidate, LatencyOptions, OptimizeErrorKind, Outcome, Publication, Request, Step, optimize,
    publish,
};

fn parent(repository: &Repository, model: &Model) -> Bundle {
    let golden = samples(&[3, 8, 8], 3, 4);
    let input = golden.rows(0..3).unwrap()[0].1.clone();
    let output = Tensor::from_vec(Shape::new(&[3, 4]).unwrap(), answers(model, &golden)).unwrap();
    let case = GoldenCase {
        inputs: BTreeMap::from([("x".to_owned(), input)]),
        outputs: BTreeMap::from([("logits".to_owned(), output)]),
    };
    let goldens = Goldens { cases: BTreeMap::from([(DEFAULT_SIGNATURE.to_owned(), case)]) };
    let staging = repository.stage("pictures").unwrap();
    staging.write("model.onnx", &model.to_bytes()).unwrap();
    staging.write(GOLDENS_FILE, &goldens.to_bytes().unwrap()).unwrap();
    staging.write("recipe.toml", b"seed = 1\n").unwrap();
    let mut manifest = Manifest::new("pictures", Task::Classification, EngineKind::Onnx);
    let (inputs, outputs) = (model.inputs().unwrap(), model.outputs().unwrap());
    manifest.signatures.insert(DEFAULT_SIGNATURE.to_owned(), signature_of_graph(&inputs, &outputs));
    manifest.metrics.insert("test.accuracy".to_owned(), 0.9);
    manifest.lineage.seed = Some(7);
    staging.publish(manifest, None, |_| Ok(())).unwrap()
}

fn outcome(model: &Model) -> Outcome {
    let (calibration, evaluation) =
        (samples(&[3, 8, 8], 32, 1), evaluation(model, samples(&[3, 8, 8], 100, 2)));
    let mut request = Request::new(model, &calibration, &evaluation);
    request.latency = LatencyOptions { runs: 20, warm_up: 1, limit: Duration::from_millis(100) };
    request.candidates = vec![Candidate::of(Step::Int8Weights { per_channel: true })];
    request.budget = Budget { max_loss: Some(0.2), ..Budget::default() };
    optimize(&engine(), &request, &mut |_| ()).unwrap()
}

#[test]
fn the_choice_becomes_a_version_that_names_its_parent() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::create(folder.path()).unwrap();
    let model = picture_net();
    let (parent, outcome) = (parent(&repository, &model), outcome(&model));
    let publication =
        Publication { parent: &parent, outcome: &outcome, name: None, version: None, run: Some("run-1") };
    let bundle = publish(&publication, &repository, &engine()).unwrap();
    let manifest = bundle.manifest();
    assert_eq!((manifest.name.as_str(), manifest.version), ("pictures", 2));
    assert_eq!(manifest.lineage.parent, parent.manifest().manifest_sha256);
    assert!(manifest.lineage.parent.is_some() && manifest.lineage.seed == Some(7));
    assert_eq!(manifest.signatures, parent.manifest().signatures);
    assert_eq!(manifest.metrics["parent.test.accuracy"], 0.9);
    assert!(manifest.metrics["optimise.accuracy"] > 0.8);
    let files: Vec<&str> = manifest.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(files, ["card.md", "goldens.safetensors", "model.onnx", "optimise.json", "recipe.toml"]);
    // The goldens are the new graph's own: they replay exactly, and differ from the parent's.
    assert_eq!(replay_goldens(&bundle, &engine()).unwrap().max_difference, 0.0);
    assert_ne!(bundle.goldens().unwrap(), parent.goldens().unwrap());
    let card = String::from_utf8(bundle.card().unwrap().unwrap()).unwrap();
    assert!(card.contains("Made from version 1 by: int8 weights, per channel."), "{card}");
}

#[test]
fn without_a_choice_nothing_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::create(folder.path()).unwrap();
    let model = picture_net();
    let parent = parent(&repository, &model);
    let outcome = Outcome { chosen: None, ..outcome(&model) };
    let publication =
        Publication { parent: &parent, outcome: &outcome, name: None, version: None, run: None };
    let error = publish(&publication, &repository, &engine()).unwrap_err();
    assert_eq!(error.kind(), OptimizeErrorKind::Request);
    assert_eq!(repository.versions("pictures").unwrap(), [1]);
}
