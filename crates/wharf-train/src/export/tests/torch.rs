use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use wharf_testing::{assert_close, say_skipped};

use super::recipe;
use crate::export::{load_weights, save_weights};
use crate::network::Network;
use crate::recipe::Recipe;

/// Both sides add in single precision, in another order. The goldens were computed on one machine.
const TOLERANCE: f32 = 1e-5;

const BLOCKS: &str = r#"{ op = "conv", out_channels = 4, kernel = 3, padding = 1 }, { op = "batch_norm" }, { op = "gelu" },
    { op = "avg_pool", kernel = 3, stride = 2, padding = 1 },
    { op = "residual", shortcut = "projection_norm", layers = [
        { op = "conv", out_channels = 6, kernel = 3, stride = 2, padding = 1, groups = 2, bias = false },
        { op = "batch_norm" }, { op = "relu" }] },
    { op = "global_avg_pool" }, { op = "flatten" }, { op = "dropout" },
    { op = "linear", out_features = 5 }, { op = "batch_norm" }"#;

fn golden(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/goldens")).join(name)
}

fn logits_of_torch(name: &str) -> Vec<f32> {
    let text = std::fs::read(golden("torch.json")).unwrap();
    serde_json::from_slice::<HashMap<String, Vec<f32>>>(&text).unwrap().remove(name).unwrap()
}

/// The pictures of torch_nets.py.
fn pictures(count: usize, size: usize) -> Vec<f32> {
    let number = |index: usize| ((index * 37 + 5 * 17 + 11) % 101) as f64 / 50.0 - 1.0;
    (0..count * 3 * size * size).map(|index| number(index) as f32).collect()
}

fn blocks() -> Network {
    Network::new([3, 9, 9], &recipe("", BLOCKS).layers, 1).unwrap()
}

#[test]
fn state_dicts_of_pytorch_give_the_same_logits() {
    let seed = Recipe::read(&golden("../../../recipes/cifar10-seed.toml")).unwrap();
    let seed = Network::new([3, 32, 32], &seed.layers, 1).unwrap();
    for (name, mut network, size) in [("seed", seed, 32), ("blocks", blocks(), 9)] {
        load_weights(&mut network, &golden(&format!("{name}.pth"))).unwrap();
        let logits = network.logits(pictures(3, size));
        assert_close(&logits, &logits_of_torch(name), TOLERANCE, TOLERANCE);
    }
}

#[test]
fn pytorch_loads_what_is_written() {
    let Ok(python) = std::env::var("WHARF_TORCH_PYTHON") else {
        say_skipped("WHARF_TORCH_PYTHON names no Python with torch");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [weights, logits] = ["net.pth", "logits.json"].map(|name| folder.path().join(name));
    let recipe = recipe("", BLOCKS);
    let network = super::network(&recipe, [3, 9, 9]);
    save_weights(&network, 42, &weights).unwrap();
    let check =
        Command::new(python).arg("-B").arg(golden("check_torch.py")).args([&weights, &logits]).output();
    let check = check.unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let theirs: Vec<f32> = serde_json::from_slice(&std::fs::read(logits).unwrap()).unwrap();
    assert_close(&network.logits(pictures(3, 9)), &theirs, TOLERANCE, TOLERANCE);
}
