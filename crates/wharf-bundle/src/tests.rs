//! Bundles and repositories: what is whole, what is broken, what is hostile, and what a crash leaves.

mod documents;
mod files;
mod kills;
mod publishing;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wharf_tensor::{DType, Shape, Tensor, TensorSpec};
use wharf_transform::Step;

use crate::*;

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// A manifest with something in every field.
fn full_manifest() -> Manifest {
    let mut manifest = Manifest::new("fashion-mnist", Task::Classification, EngineKind::Onnx);
    manifest.labels = vec!["shirt".into(), "ankle boot".into()];
    manifest.limits.max_batch_size = Some(256);
    manifest.lineage = Lineage {
        recipe_sha256: Some(sha256(b"recipe")),
        data_sha256: Some(sha256(b"data")),
        parent: Some(sha256(b"parent")),
        seed: Some(u64::MAX),
        run: None,
        wharf_version: Some("0.1.0".into()),
        created: Some("2026-11-23T15:25:19Z".into()),
    };
    manifest.metrics = BTreeMap::from([("test.accuracy".into(), 0.1 + 0.2), ("test.loss".into(), 1e-300)]);
    let spread = Spread { mean: 0.2860, std: 0.3530, min: 0.0, max: 1.0 };
    manifest.baseline = Some(Baseline {
        samples: 60_000,
        features: BTreeMap::from([("image.0".into(), spread)]),
        class_shares: vec![0.5, 0.5],
    });
    manifest.signatures = signatures();
    manifest
}

fn signatures() -> BTreeMap<String, Signature> {
    let output = |name: &str, dtype, dims: &[i64]| SignatureOutput {
        spec: TensorSpec::new(name, dtype, dims),
        source: OutputSource::Graph { output: name.into() },
    };
    let input = |name: &str, dtype, dims: &[i64], transform| SignatureInput {
        spec: TensorSpec::new(name, dtype, dims),
        graph_input: "image".into(),
        transform,
    };
    let outputs = vec![output("probabilities", DType::F32, &[-1, 2]), output("classes", DType::I64, &[-1])];
    let labels = SignatureOutput {
        spec: TensorSpec::new("labels", DType::String, &[-1]),
        source: OutputSource::Labels { classes: "classes".into() },
    };
    let steps = vec![Step::Decode, Step::Grayscale, Step::Resize { height: 28, width: 28 }, Step::ToFloat];
    BTreeMap::from([
        (
            DEFAULT_SIGNATURE.into(),
            Signature {
                method: Method::Predict,
                inputs: vec![input("image", DType::U8, &[-1, 28, 28, 1], vec![Step::ToFloat])],
                outputs: outputs.clone(),
                columns: None,
            },
        ),
        (
            "float".into(),
            Signature {
                method: Method::Predict,
                inputs: vec![input("image", DType::F32, &[-1, 28, 28, 1], Vec::new())],
                outputs: outputs.clone(),
                columns: None,
            },
        ),
        (
            "encoded".into(),
            Signature {
                method: Method::Classify,
                inputs: vec![input("image_bytes", DType::String, &[-1], steps)],
                outputs: outputs.into_iter().chain([labels]).collect(),
                columns: None,
            },
        ),
    ])
}

fn goldens() -> Goldens {
    let strings = vec![b"\x89PNG".to_vec().into(), Vec::new().into(), b"\xff".to_vec().into()];
    let images = Tensor::from_strings(shape(&[3]), strings).unwrap();
    let scores = Tensor::from_vec(shape(&[3, 2]), vec![0.5_f32; 6]).unwrap();
    let case = GoldenCase {
        inputs: BTreeMap::from([("image_bytes".into(), images)]),
        outputs: BTreeMap::from([("probabilities".into(), scores), ("a.b".into(), zeros(DType::I64))]),
    };
    Goldens { cases: BTreeMap::from([("encoded".into(), case)]) }
}

fn zeros(dtype: DType) -> Tensor {
    let size = dtype.size_bytes().unwrap();
    Tensor::from_bytes(dtype, shape(&[1]), vec![0; size].into()).unwrap()
}

/// Publishes a bundle with every file that there can be.
fn publish(repository: &Repository, model: &str, version: Option<u64>) -> Result<Bundle, BundleError> {
    let staging = repository.stage(model)?;
    staging.write("model.onnx", b"weights")?;
    staging.write(GOLDENS_FILE, &goldens().to_bytes()?)?;
    staging.write(CARD_FILE, b"# Card\n")?;
    staging.publish(full_manifest(), version, |bundle| Ok(bundle.verify().map(drop)?))
}

fn repository() -> (tempfile::TempDir, Repository) {
    let folder = tempfile::tempdir().unwrap();
    let repository = Repository::create(&folder.path().join("repository")).unwrap();
    (folder, repository)
}

/// The names in a folder, sorted.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Slots that were left behind.
fn left_over(repository: &Repository) -> Vec<String> {
    let mut names = names_in(&repository.root().join(".staging"));
    names.retain(|name| !name.starts_with('.'));
    names
}
