use std::path::{Path, PathBuf};

use image::{ExtendedColorType, save_buffer};
use wharf_bundle::{Bundle, GOLDENS_FILE, Method, Repository};
use wharf_engine::{LoadOptions, LoadedModel, OnnxEngine, replay_goldens};
use wharf_transform::Step;

use crate::error::TrainErrorKind;
use crate::export::{Imported, import_weights, import_weights_alone, publish, save_weights};
use crate::recipe::Recipe;

const LAYERS: &str = r#"layers = [
    { op = "conv", out_channels = 4, kernel = 3 }, { op = "batch_norm" }, { op = "relu" }, { op = "max_pool", kernel = 2 },
    { op = "flatten" }, { op = "linear", out_features = 3 }]"#;

const TRANSFORM: &str = r#"transform = [
    { op = "rgb" }, { op = "random_horizontal_flip" }, { op = "to_float" },
    { op = "normalise", mean = [0.5, 0.4, 0.3], std = [0.5, 0.25, 0.2] }]"#;

/// Class folders of pictures of 8x10 in `train` and `test`, a recipe for them, and weights.
struct Journey {
    folder: tempfile::TempDir,
    recipe: Recipe,
    weights: PathBuf,
}

impl Journey {
    fn new(transform: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (part, count) in [("train", 4), ("test", 3)] {
            for (class, label) in ["a|b", "boot", "cat"].into_iter().enumerate() {
                let path = folder.path().join(part).join(label);
                std::fs::create_dir_all(&path).unwrap();
                for index in 0..count {
                    picture(&path.join(format!("{index}.png")), class * 50 + index);
                }
            }
        }
        let data = "[data]\nformat = \"folder\"";
        let text = format!("name = \"boots\"\nseed = 3\n{transform}\n{LAYERS}\n{data}\n{settings}\n");
        let recipe = Recipe::parse(&text, folder.path()).unwrap();
        let weights = folder.path().join("weights.safetensors");
        Self { folder, recipe, weights }
    }

    fn import(&self, shape: [usize; 3]) -> Imported {
        save_weights(&super::network(&self.recipe, shape), 1, &self.weights).unwrap();
        import_weights(&self.recipe, &self.weights, None, 1).unwrap()
    }

    fn repository(&self) -> Repository {
        Repository::create(&self.folder.path().join("repository")).unwrap()
    }
}

fn picture(path: &Path, shift: usize) {
    let pixels: Vec<u8> = (0..240).map(|index| ((index * 31 + shift * 7 + index / 9) % 256) as u8).collect();
    save_buffer(path, &pixels, 10, 8, ExtendedColorType::Rgb8).unwrap();
}

fn replay(bundle: &Bundle) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let report = replay_goldens(bundle, &OnnxEngine::new()?)?;
    if report.signatures == bundle.manifest().signatures.len() {
        return Ok(());
    }
    Err(format!("{} signatures have goldens", report.signatures).into())
}

#[test]
fn published_bundle_verifies_and_replays() {
    for settings in ["", "[export]\ninput = \"uint8\"\nfold_batch_norm = true\ngoldens = 5"] {
        let journey = Journey::new(TRANSFORM, settings);
        let imported = journey.import([3, 8, 10]);
        let bundle = publish(&imported.request(), &journey.repository(), &replay).unwrap();
        assert_eq!(bundle.verify().unwrap(), 4);
        let bundle = journey.repository().bundle("boots", 1).unwrap();
        replay(&bundle).unwrap();
        let manifest = bundle.manifest();
        assert_eq!(manifest.labels, ["a|b", "boot", "cat"]);
        let lineage = &manifest.lineage;
        assert_eq!((lineage.seed, lineage.recipe_sha256.as_ref().unwrap().len()), (Some(3), 64));
        assert_eq!(lineage.data_sha256.as_ref().unwrap(), &imported.findings.as_ref().unwrap().data_sha256);
        assert!(manifest.metrics["test.accuracy"] <= 1.0 && manifest.metrics["test.loss"] > 0.0);
        let baseline = manifest.baseline.as_ref().unwrap();
        assert_eq!((baseline.samples, baseline.features.len()), (12, 3));
        assert!((baseline.class_shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}

#[test]
fn signatures_are_those_of_the_contract() {
    let journey = Journey::new(TRANSFORM, "");
    let bundle = publish(&journey.import([3, 8, 10]).request(), &journey.repository(), &replay).unwrap();
    let signatures = &bundle.manifest().signatures;
    let names: Vec<&str> = signatures.keys().map(String::as_str).collect();
    assert_eq!(names, ["encoded", "float", "serving_default"]);
    let encoded = &signatures["encoded"];
    assert_eq!(encoded.method, Method::Classify);
    let resize = Step::Resize { height: 8, width: 10 };
    assert_eq!(encoded.inputs[0].transform, [Step::Decode, Step::Rgb, resize, Step::ToFloat]);
    assert_eq!(signatures["serving_default"].inputs[0].transform, [Step::ToFloat]);
    assert!(signatures["float"].inputs[0].transform.is_empty());
    let outputs: Vec<&str> = encoded.outputs.iter().map(|output| output.spec.name.as_str()).collect();
    assert_eq!(outputs, ["probabilities", "classes", "logits", "labels"]);
    let engine = OnnxEngine::new().unwrap();
    let model = LoadedModel::load(&bundle, &engine, &LoadOptions::default()).unwrap();
    assert_eq!(&**model.labels(), ["a|b", "boot", "cat"]);
}

#[test]
fn steps_that_change_the_size_are_part_of_the_encoded_signature() {
    let transform = r#"transform = [
        { op = "decode" }, { op = "grayscale" }, { op = "resize_short_side", size = 7 },
        { op = "centre_crop", height = 6, width = 6 }, { op = "to_float" }]"#;
    let journey = Journey::new(transform, "");
    let bundle = publish(&journey.import([1, 6, 6]).request(), &journey.repository(), &replay).unwrap();
    let steps = &bundle.manifest().signatures["encoded"].inputs[0].transform;
    let ops: Vec<&str> = steps.iter().map(Step::op).collect();
    assert_eq!(ops, ["decode", "grayscale", "resize_short_side", "centre_crop", "to_float"]);
    // The same recipe says the size by itself, so it can be imported without data.
    let labels = ["a", "b", "c"].map(str::to_owned).to_vec();
    let alone = import_weights_alone(&journey.recipe, &journey.weights, labels, None).unwrap();
    assert!(alone.goldens.is_made_up() && alone.findings.is_none());
    let bundle = publish(&alone.request().with_name("alone"), &journey.repository(), &replay).unwrap();
    assert_eq!((bundle.manifest().name.as_str(), bundle.manifest().baseline.as_ref()), ("alone", None));
    let card = String::from_utf8(bundle.card().unwrap().unwrap()).unwrap();
    assert!(card.contains("Not evaluated") && card.contains("8 pictures of noise"), "{card}");
}

#[test]
fn import_without_data_needs_shape_and_labels() {
    let journey = Journey::new(TRANSFORM, "");
    journey.import([3, 8, 10]);
    let import = |labels: &[&str], shape| {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        import_weights_alone(&journey.recipe, &journey.weights, labels, shape)
            .map_err(|error| error.to_string())
    };
    assert!(import(&["a", "b", "c"], None).unwrap_err().contains("does not say the size"));
    assert!(import(&["a"], Some([3, 8, 10])).unwrap_err().contains("there are 1 labels, expected 3"));
    assert!(import(&["a", "b", "c"], Some([3, 9, 12])).unwrap_err().contains("does not fit the network"));
    let alone = import(&["a", "b", "c"], Some([3, 8, 10])).unwrap();
    publish(&alone.request(), &journey.repository(), &replay).unwrap();
}

#[test]
fn refused_bundle_leaves_nothing() {
    let journey = Journey::new(TRANSFORM, "");
    let imported = journey.import([3, 8, 10]);
    let repository = journey.repository();
    let error = publish(&imported.request(), &repository, &|_| Err("goldens differ".into())).unwrap_err();
    assert_eq!(error.kind(), TrainErrorKind::Publish);
    assert_eq!(error.to_string(), "cannot publish: refused to publish: goldens differ");
    assert!(repository.models().unwrap().is_empty());
    assert_eq!(repository.sweep().unwrap(), 0);
    assert!(!repository.root().join("boots").exists());
}

#[test]
fn network_that_differs_from_its_goldens_is_refused() {
    let journey = Journey::new(TRANSFORM, "");
    let mut imported = journey.import([3, 8, 10]);
    *imported.network.parameters.last_mut().unwrap() += 0.01;
    let error = publish(&imported.request(), &journey.repository(), &replay).unwrap_err().to_string();
    assert!(error.contains("golden of signature"), "{error}");
    assert!(journey.repository().models().unwrap().is_empty());
}

#[test]
fn versions_count_up_and_are_never_overwritten() {
    let journey = Journey::new(TRANSFORM, "");
    let imported = journey.import([3, 8, 10]);
    let repository = journey.repository();
    for expected in [1, 2] {
        assert_eq!(
            publish(&imported.request(), &repository, &|_| Ok(())).unwrap().manifest().version,
            expected
        );
    }
    let error = publish(&imported.request().with_version(2), &repository, &|_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("version 2 of `boots` exists already"), "{error}");
    let error = publish(&imported.request().with_name("../x"), &repository, &|_| Ok(())).unwrap_err();
    assert_eq!(error.kind(), TrainErrorKind::Publish);
}

#[test]
fn card_tells_what_is_known() {
    let journey = Journey::new(TRANSFORM, "");
    let bundle = publish(&journey.import([3, 8, 10]).request(), &journey.repository(), &|_| Ok(())).unwrap();
    let card = String::from_utf8(bundle.card().unwrap().unwrap()).unwrap();
    for part in [
        "# boots",
        "Puts an RGB picture of 8x10 pixels (rows x columns) into one of 3 classes: a\\|b, boot, cat.",
        "weights imported from weights.safetensors",
        "| `encoded` | `image_bytes` string [N] |",
        "| a\\|b | ",
        "on 9 test pictures",
        "Of 12 training pictures",
        "| boot | 33.3 % |",
        "The bundle holds 8 test pictures as goldens.",
        "```toml\nname = \"boots\"",
    ] {
        assert!(card.contains(part), "{part} is not in\n{card}");
    }
    let recipe = bundle.read_file("recipe.toml", 1 << 20).unwrap();
    assert_eq!(recipe, journey.recipe.text.as_bytes());
    assert!(bundle.manifest().file(GOLDENS_FILE).is_some());
}
