//! 50 steps beside PyTorch's, from the same weights and pictures; `goldens/make_training.py` made the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::network::Network;
use crate::recipe::Recipe;
use crate::schedule::Place;
use crate::trainer::{Loss, Trainer};

#[derive(Deserialize)]
struct Goldens {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    recipe: String,
    shape: [usize; 3],
    batch: usize,
    losses: Vec<f64>,
    state: BTreeMap<String, Stored>,
    logits: Vec<f64>,
}

#[derive(Deserialize)]
struct Stored {
    first: Vec<f64>,
    sum: f64,
    largest: f64,
}

/// The formula of the script: multiples of 2^-24 in -0.5..0.5.
fn noise(salt: u64, count: usize) -> Vec<f32> {
    let value = |index: u64| {
        let mut bits = (index * 2_654_435_761 + salt * 40_503) % (1 << 32);
        bits ^= bits >> 15;
        bits = bits * 2_246_822_519 % (1 << 32);
        ((bits >> 8) as f64 / f64::from(1 << 24) - 0.5) as f32
    };
    (0..count as u64).map(value).collect()
}

fn fill(network: &mut Network) {
    let mut parameters = Vec::new();
    for (number, spec) in network.parameter_specs().iter().enumerate() {
        let fan_in: usize = spec.shape[1..].iter().product();
        let (factor, offset) = match (spec.shape.len(), spec.name.ends_with("weight")) {
            (1, true) => (0.5, 1.0),
            (1, false) => (0.5, 0.0),
            _ => (2.0_f64.powi(1 - ((fan_in as f64).log2() / 2.0 + 0.5).floor() as i32) as f32, 0.0),
        };
        parameters.extend(noise(number as u64 + 1, spec.len()).iter().map(|value| offset + value * factor));
    }
    network.parameters = parameters;
}

fn pictures(salt: u64, case: &Case) -> Vec<f32> {
    let count = case.batch * case.shape.iter().product::<usize>();
    noise(salt, count).iter().map(|value| value * 2.0).collect()
}

fn assert_close(what: &str, actual: f64, expected: f64, scale: f64) {
    let tolerance = 1e-5 * scale.max(1e-3);
    assert!((actual - expected).abs() <= tolerance, "{what}: {actual} != {expected} (scale {scale})");
}

#[test]
fn fifty_steps_match_pytorch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens/training.json");
    let goldens: Goldens = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in &goldens.cases {
        let recipe = Recipe::parse(&case.recipe, Path::new("")).unwrap();
        let mut network = Network::new(case.shape, &recipe.layers, 1).unwrap();
        fill(&mut network);
        let classes = network.classes();
        let loss = Loss::new(&recipe.loss, classes).unwrap();
        let mut trainer = Trainer::new(network, &recipe, loss);
        for (step, expected) in case.losses.iter().enumerate() {
            let labels: Vec<usize> = (0..case.batch).map(|index| (index * 7 + step * 3) % classes).collect();
            let place = Place::new(step as u64, case.losses.len() as u64, 0);
            let result = trainer.step(pictures(1000 + step as u64, case), &labels, place);
            assert_close(&format!("{} loss {step}", case.name), f64::from(result.loss), *expected, *expected);
        }
        compare_state(case, &trainer.network);
        let logits = trainer.network.logits(pictures(5000, case));
        let scale = case.logits.iter().fold(0.0_f64, |scale, value| scale.max(value.abs()));
        for (actual, expected) in logits.iter().zip(&case.logits) {
            assert_close(&format!("{} logits", case.name), f64::from(*actual), *expected, scale);
        }
    }
}

/// Numbers are compared relative to the largest of their tensor.
fn compare_state(case: &Case, network: &Network) {
    let parameters = (0..network.parameter_specs().len())
        .map(|number| (&network.parameter_specs()[number].name, network.parameter(number)));
    let buffers = (0..network.buffer_specs().len())
        .map(|number| (&network.buffer_specs()[number].name, network.buffer(number)));
    let ours: BTreeMap<&String, &[f32]> = parameters.chain(buffers).collect();
    assert_eq!(ours.keys().copied().collect::<Vec<_>>(), case.state.keys().collect::<Vec<_>>());
    for (name, stored) in &case.state {
        let values = ours[name];
        let what = format!("{} {name}", case.name);
        for (actual, expected) in values.iter().zip(&stored.first) {
            assert_close(&what, f64::from(*actual), *expected, stored.largest);
        }
        let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
        assert_close(&what, sum, stored.sum, stored.largest * (values.len() as f64).sqrt());
    }
}
