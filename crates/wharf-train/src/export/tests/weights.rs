use std::path::Path;

use half::{bf16, f16};
use safetensors::SafeTensors;
use wharf_pickle::{read_pth, write_pth};
use wharf_tensor::{Shape, Tensor};

use super::{network, recipe};
use crate::export::{load_weights, save_weights};
use crate::network::Network;

const LAYERS: &str = r#"{ op = "conv", out_channels = 4, kernel = 3, bias = false }, { op = "batch_norm" },
    { op = "residual", shortcut = "projection_norm", layers = [{ op = "conv", out_channels = 2, kernel = 1 }] },
    { op = "flatten" }, { op = "linear", name = "out", out_features = 3 }"#;

fn trained() -> Network {
    network(&recipe("", LAYERS), [2, 4, 4])
}

fn fresh() -> Network {
    Network::new([2, 4, 4], &recipe("", LAYERS).layers, 1).unwrap()
}

fn bits(network: &Network) -> Vec<u32> {
    network.parameters.iter().chain(&network.buffers).map(|value| value.to_bits()).collect()
}

/// The state dict of the trained network.
fn tensors() -> Vec<(String, Tensor)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.pth");
    save_weights(&trained(), 5, &path).unwrap();
    read_pth(&std::fs::read(path).unwrap().into()).unwrap()
}

/// Loads `tensors` into a fresh network.
fn load(tensors: &[(String, Tensor)]) -> Result<Network, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.pth");
    std::fs::write(&path, write_pth(tensors).unwrap()).unwrap();
    let mut network = fresh();
    let before = bits(&network);
    match load_weights(&mut network, &path) {
        Ok(()) => Ok(network),
        Err(error) => {
            assert_eq!(bits(&network), before, "a failed load changed the network");
            Err(error.to_string().replace(&path.display().to_string(), "net.pth"))
        }
    }
}

fn floats(dims: &[usize]) -> Tensor {
    let shape = Shape::new(dims).unwrap();
    let values = vec![0.5_f32; shape.num_elements()];
    Tensor::from_vec(shape, values).unwrap()
}

#[test]
fn both_formats_keep_every_bit() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["net.pth", "net.PT", "net.safetensors"] {
        let path = folder.path().join(name);
        save_weights(&trained(), 12, &path).unwrap();
        let mut network = fresh();
        assert_ne!(bits(&network), bits(&trained()));
        load_weights(&mut network, &path).unwrap();
        assert_eq!(bits(&network), bits(&trained()), "{name}");
        let again = folder.path().join(format!("again-{name}"));
        save_weights(&network, 12, &again).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), std::fs::read(again).unwrap(), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 6, "something was left behind");
}

#[test]
fn names_and_shapes_are_pytorchs() {
    let tensors = tensors();
    let names: Vec<&str> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "0.weight",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
        "2.layers.0.weight",
        "2.layers.0.bias",
        "2.shortcut.0.weight",
        "2.shortcut.1.weight",
        "2.shortcut.1.bias",
        "2.shortcut.1.running_mean",
        "2.shortcut.1.running_var",
        "2.shortcut.1.num_batches_tracked",
        "out.weight",
        "out.bias",
    ];
    assert_eq!(names, expected);
    assert_eq!(tensors[0].1.shape().dims(), [4, 2, 3, 3]);
    assert_eq!(tensors[14].1.shape().dims(), [3, 8]);
    assert_eq!(tensors[5].1.to_vec::<i64>().unwrap(), [5]);
    assert_eq!(tensors[5].1.shape().rank(), 0);
}

#[test]
fn safetensors_say_that_they_are_pytorchs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.safetensors");
    save_weights(&trained(), 3, &path).unwrap();
    let content = std::fs::read(path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&content).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["format"], "pt");
    assert_eq!(header.tensors().len(), tensors().len());
}

#[test]
fn prefixes_of_wrappers_are_taken_off() {
    for prefix in ["module.", "_orig_mod.", "module._orig_mod."] {
        let renamed: Vec<_> =
            tensors().into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)).collect();
        assert_eq!(bits(&load(&renamed).unwrap()), bits(&trained()), "{prefix}");
    }
    let mut mixed = tensors();
    mixed[0].0.insert_str(0, "module.");
    let error = load(&mixed).unwrap_err();
    assert!(
        error.contains("missing: `0.weight`") && error.contains("unexpected: `module.0.weight`"),
        "{error}"
    );
}

#[test]
fn counters_may_be_absent() {
    let without: Vec<_> =
        tensors().into_iter().filter(|(name, _)| !name.ends_with("num_batches_tracked")).collect();
    assert_eq!(without.len(), 14);
    assert_eq!(bits(&load(&without).unwrap()), bits(&trained()));
}

#[test]
fn other_precisions_are_converted() {
    let bias = |tensor: Tensor| {
        let mut tensors = tensors();
        tensors[15].1 = tensor;
        load(&tensors).map(|network| network.parameters[network.parameters.len() - 3..].to_vec())
    };
    let shape = || Shape::new(&[3]).unwrap();
    let values = [0.1_f64, -2.5, 3.0];
    let doubles = Tensor::from_vec(shape(), values.to_vec()).unwrap();
    assert_eq!(bias(doubles).unwrap(), [0.1, -2.5, 3.0]);
    let halves = Tensor::from_vec(shape(), values.map(f16::from_f64).to_vec()).unwrap();
    assert_eq!(bias(halves).unwrap(), values.map(|value| f16::from_f64(value).to_f32()));
    let brains = Tensor::from_vec(shape(), values.map(bf16::from_f64).to_vec()).unwrap();
    assert_eq!(bias(brains).unwrap(), values.map(|value| bf16::from_f64(value).to_f32()));
    for (tensor, expected) in [
        (
            Tensor::from_vec(shape(), vec![1_i64, 2, 3]).unwrap(),
            "`out.bias` is of type int64, expected floating point",
        ),
        (Tensor::from_vec(shape(), vec![1_u8, 2, 3]).unwrap(), "is of type uint8"),
        (Tensor::from_vec(shape(), vec![1e300_f64, 0.0, 0.0]).unwrap(), "holds numbers that are not finite"),
        (Tensor::from_vec(shape(), vec![0.0, f32::NAN, 0.0]).unwrap(), "holds numbers that are not finite"),
    ] {
        let error = bias(tensor).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn all_that_does_not_fit_is_said_at_once() {
    let mut tensors = tensors();
    tensors.retain(|(name, _)| name != "0.weight" && name != "1.running_mean");
    for (name, tensor) in &mut tensors {
        if name == "out.weight" {
            *tensor = floats(&[3, 7]);
        }
    }
    tensors.push(("fc.weight".to_owned(), floats(&[1])));
    tensors.push(("b\nad".to_owned(), floats(&[1])));
    let expected = "`net.pth` does not fit the network:\n  missing: `0.weight`, `1.running_mean`\n  \
                    unexpected: `b\\nad`, `fc.weight`\n  \
                    unsuitable: `out.weight` has shape [3, 7], expected [3, 8]";
    assert_eq!(load(&tensors).unwrap_err(), expected);
}

#[test]
fn long_lists_are_cut() {
    let mut tensors = tensors();
    for index in 0..25 {
        tensors.push((format!("{}{index:02}", "x".repeat(200)), floats(&[1])));
    }
    let error = load(&tensors).unwrap_err();
    assert!(error.ends_with(" and 15 more") && error.len() < 1200, "{error}");
    let error = load(&[]).unwrap_err();
    assert!(error.contains("missing: `0.weight`, ") && error.ends_with(" and 4 more"), "{error}");
}

#[test]
fn files_of_other_kinds_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["net.bin", "net", "net.onnx"] {
        let error = save_weights(&trained(), 0, &path(name)).unwrap_err().to_string();
        assert!(error.contains("expected the extension `.pth`, `.pt` or `.safetensors`"), "{error}");
        assert!(!path(name).exists());
    }
    for name in ["damaged.pth", "damaged.safetensors"] {
        std::fs::write(path(name), b"PK\x05\x06 not really").unwrap();
        let error = load_weights(&mut fresh(), &path(name)).unwrap_err().to_string();
        assert!(error.starts_with("cannot read `"), "{error}");
    }
    assert!(load_weights(&mut fresh(), Path::new("absent.pth")).is_err());
}
