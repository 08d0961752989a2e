//! From the text of a recipe to its settings.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use toml::Table;
use wharf_runs::{Problem, Problems, Section, syntax};
use wharf_transform::{Pipeline, StagedStep};

use super::Recipe;
use super::layers::layers;
use super::settings::{
    BadPictures, BatchConfig, CheckpointConfig, DataConfig, EarlyStop, ExportConfig, InputType, LossConfig,
};
use crate::gradient::Clip;
use crate::optimiser::{AdamConfig, OptimiserConfig};
use crate::schedule::{Decay, OneCycle, Plateau, ScheduleConfig};

const POSITIVE: &str = "a number above 0";
const SHARE: &str = "a number from 0 up to but not including 1";

/// Reads all of it, then reports all that is wrong.
pub(super) fn recipe(text: &str, folder: &Path) -> Result<Recipe, Vec<Problem>> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| vec![syntax(&error, text)])?;
    let problems = Problems::default();
    let empty = Table::new();
    let top = Section::new("", &table, &problems);
    let training = top.section("training", &empty);
    let recipe = Recipe {
        name: top.required::<String>("name").unwrap_or_default(),
        seed: top.or("seed", 1),
        epochs: training.checked("epochs", 10, |epochs| *epochs > 0, "at least 1"),
        batch: training.checked("batch", 100, |batch| (1..=65_536).contains(batch), "1 to 65536"),
        batches: batches(&training),
        early_stop: early_stop(training.section("early_stop", &empty)),
        data: data(top.section("data", &empty)),
        transform: transform(&top),
        layers: layers(&top, "layers"),
        loss: loss(top.section("loss", &empty)),
        optimiser: optimiser(top.section("optimiser", &empty)),
        schedule: schedule(top.section("schedule", &empty)),
        checkpoint: checkpoint(top.section("checkpoint", &empty)),
        export: export(top.section("export", &empty)),
        text: text.to_owned(),
        folder: folder.to_path_buf(),
    };
    if let Err(error) = wharf_bundle::check_model_name(&recipe.name) {
        top.report("name", error.to_string());
    }
    if recipe.layers.is_empty() && top.raw("layers").is_none() {
        top.report("layers", "is missing, expected a list of layers");
    }
    training.finish();
    top.finish();
    let problems = problems.into_inner();
    if problems.is_empty() { Ok(recipe) } else { Err(problems) }
}

fn batches(training: &Section<'_>) -> BatchConfig {
    let positive = |key| training.optional_checked::<f64>(key, |value| *value > 0.0, POSITIVE);
    let (norm, value) = (positive("clip_norm"), positive("clip_value"));
    if norm.is_some() && value.is_some() {
        training.report("clip_value", "cannot be together with `clip_norm`");
    }
    BatchConfig {
        accumulate: training.checked("accumulate", 1, |batches| (1..=4096).contains(batches), "1 to 4096"),
        clip: norm.map(Clip::Norm).or(value.map(Clip::Value)),
        mixup: positive("mixup"),
    }
}

fn early_stop(section: Section<'_>) -> Option<EarlyStop> {
    let patience = section.optional::<u32>("patience");
    let min_delta = section.checked("min_delta", 0.0, |delta| *delta >= 0.0, "a number of at least 0");
    section.finish();
    patience.map(|patience| EarlyStop { patience: patience.max(1), min_delta })
}

fn data(section: Section<'_>) -> DataConfig {
    let formats = ["auto", "idx", "folder", "tar", "cifar10-binary", "cifar10-python"];
    let path = |key| section.optional::<String>(key).map(PathBuf::from);
    let config = DataConfig {
        train: path("train"),
        evaluation: path("evaluation"),
        path: PathBuf::from(section.or("path", ".".to_owned())),
        format: section.choice("format", &formats).to_owned(),
        validation: section.checked("validation", 0.0, |share| (0.0..1.0).contains(share), SHARE),
        limit: section.optional_checked("limit", |limit| *limit > 0, "at least 1"),
        evaluation_limit: section.optional_checked("evaluation_limit", |limit| *limit > 0, "at least 1"),
        bad_pictures: match section.choice("bad_pictures", &["fail", "skip"]) {
            "skip" => BadPictures::Skip,
            _ => BadPictures::Fail,
        },
    };
    section.finish();
    config
}

fn transform(top: &Section<'_>) -> Vec<StagedStep> {
    let problems: &RefCell<Vec<Problem>> = top.problems();
    let before = problems.borrow().len();
    let mut steps = Vec::new();
    for section in top.tables("transform") {
        match StagedStep::deserialize(section.value()) {
            Ok(step) => steps.push(step),
            Err(error) => problems.borrow_mut().push(Problem {
                key: section.path().to_owned(),
                value: None,
                problem: error.to_string().trim().to_owned(),
            }),
        }
    }
    if problems.borrow().len() == before
        && let Err(error) = Pipeline::new(steps.clone())
    {
        top.report("transform", error.to_string());
    }
    steps
}

fn loss(section: Section<'_>) -> LossConfig {
    let config = match section
        .choice("kind", &["cross_entropy", "mse", "binary_cross_entropy", "mae", "huber"])
    {
        "mse" => LossConfig::Mse,
        "mae" => LossConfig::Mae,
        "huber" => LossConfig::Huber { delta: section.checked("delta", 1.0, |delta| *delta > 0.0, POSITIVE) },
        "binary_cross_entropy" => {
            LossConfig::BinaryCrossEntropy { pos_weight: weights(&section, "pos_weight") }
        }
        _ => LossConfig::CrossEntropy {
            class_weights: weights(&section, "class_weights"),
            label_smoothing: section.checked(
                "label_smoothing",
                0.0,
                |share| (0.0..1.0).contains(share),
                SHARE,
            ),
        },
    };
    section.finish();
    config
}

fn weights(section: &Section<'_>, key: &'static str) -> Option<Vec<f64>> {
    let weights = section.optional::<Vec<f64>>(key)?;
    if weights.iter().any(|weight| *weight < 0.0) || weights.iter().all(|weight| *weight == 0.0) {
        section.report(key, "expected numbers of at least 0, not all 0");
    }
    Some(weights)
}

fn optimiser(section: Section<'_>) -> OptimiserConfig {
    let kind = section.choice("kind", &["sgd", "adam", "adamw"]);
    let rate = if kind == "sgd" { 0.01 } else { 0.001 };
    let decay = if kind == "adamw" { 0.01 } else { 0.0 };
    let rate = section.checked("rate", rate, |rate| *rate > 0.0, POSITIVE);
    let weight_decay =
        section.checked("weight_decay", decay, |decay| *decay >= 0.0, "a number of at least 0");
    let config = match kind {
        "adam" => OptimiserConfig::Adam(adam(&section, rate, weight_decay)),
        "adamw" => OptimiserConfig::Adamw(adam(&section, rate, weight_decay)),
        _ => sgd(&section, rate, weight_decay),
    };
    section.finish();
    config
}

fn sgd(section: &Section<'_>, rate: f64, weight_decay: f64) -> OptimiserConfig {
    let momentum = section.checked("momentum", 0.0, |momentum| (0.0..1.0).contains(momentum), SHARE);
    let nesterov = section.or("nesterov", false);
    if nesterov && momentum == 0.0 {
        section.report("nesterov", "needs a `momentum` above 0");
    }
    OptimiserConfig::Sgd { rate, momentum, nesterov, weight_decay }
}

fn adam(section: &Section<'_>, rate: f64, weight_decay: f64) -> AdamConfig {
    let in_range = |betas: &[f64; 2]| betas.iter().all(|beta| (0.0..1.0).contains(beta));
    AdamConfig {
        rate,
        betas: section.checked(
            "betas",
            [0.9, 0.999],
            in_range,
            "two numbers from 0 up to but not including 1",
        ),
        epsilon: section.checked("epsilon", 1e-8, |epsilon| *epsilon > 0.0, POSITIVE),
        weight_decay,
    }
}

fn schedule(section: Section<'_>) -> ScheduleConfig {
    let decay = match section.choice("kind", &["constant", "step", "cosine", "one_cycle", "plateau"]) {
        "one_cycle" => Decay::OneCycle(one_cycle(&section)),
        "plateau" => Decay::Plateau(plateau(&section)),
        "step" => Decay::Step {
            every_epochs: section.checked("every_epochs", 1, |epochs| *epochs > 0, "at least 1"),
            factor: section.checked("factor", 0.1, |factor| *factor > 0.0, POSITIVE),
        },
        "cosine" => Decay::Cosine {
            final_factor: section.checked(
                "final_factor",
                0.0,
                |factor| (0.0..=1.0).contains(factor),
                "0 to 1",
            ),
        },
        _ => Decay::Constant,
    };
    let warm_up_steps = section.or("warm_up_steps", 0);
    if warm_up_steps > 0 && matches!(decay, Decay::OneCycle(_)) {
        section.report("warm_up_steps", "cannot be with `one_cycle`, which rises by itself");
    }
    section.finish();
    ScheduleConfig { warm_up_steps, decay }
}

fn one_cycle(section: &Section<'_>) -> OneCycle {
    let above_1 = |value: &f64| *value >= 1.0;
    OneCycle {
        rise: section.checked("rise", 0.3, |share| *share > 0.0 && *share < 1.0, "a number between 0 and 1"),
        start_divisor: section.checked("start_divisor", 25.0, above_1, "a number of at least 1"),
        final_divisor: section.checked("final_divisor", 1e4, above_1, "a number of at least 1"),
        is_cosine: section.choice("shape", &["cosine", "linear"]) == "cosine",
    }
}

fn plateau(section: &Section<'_>) -> Plateau {
    Plateau {
        factor: section.checked(
            "factor",
            0.1,
            |factor| *factor > 0.0 && *factor < 1.0,
            "a number between 0 and 1",
        ),
        patience: section.or("patience", 10),
        threshold: section.checked("threshold", 1e-4, |share| (0.0..1.0).contains(share), SHARE),
        cooldown: section.or("cooldown", 0),
        final_factor: section.checked("final_factor", 0.0, |factor| (0.0..=1.0).contains(factor), "0 to 1"),
    }
}

fn checkpoint(section: Section<'_>) -> CheckpointConfig {
    let every_steps = section.or("every_steps", 0);
    let keep = section.checked("keep", 2, |keep| *keep > 0, "at least 1");
    section.finish();
    CheckpointConfig { every_steps, keep }
}

fn export(section: Section<'_>) -> ExportConfig {
    let config = ExportConfig {
        input: match section.choice("input", &["float", "uint8"]) {
            "uint8" => InputType::Uint8,
            _ => InputType::Float,
        },
        fold_batch_norm: section.or("fold_batch_norm", false),
        goldens: section.checked("goldens", 8, |goldens| (1..=256).contains(goldens), "1 to 256"),
    };
    section.finish();
    config
}
