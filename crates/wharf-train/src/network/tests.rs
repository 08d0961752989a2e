use std::path::Path;

use super::*;
use crate::kernels::loss::cross_entropy;
use crate::recipe::Recipe;

fn network(shape: [usize; 3], layers: &str) -> Network {
    Network::new(shape, &parse(layers), 7).unwrap()
}

fn parse(layers: &str) -> Vec<Layer> {
    Recipe::parse(&format!("name = \"x\"\nlayers = [{layers}]"), Path::new("")).unwrap().layers
}

fn problem(shape: [usize; 3], layers: &str) -> String {
    let problems = Network::new(shape, &parse(layers), 7).unwrap_err();
    problems
        .iter()
        .map(|problem| format!("{}: {}", problem.layer, problem.problem))
        .collect::<Vec<_>>()
        .join("; ")
}

fn wave(count: usize) -> Vec<f32> {
    (0..count).map(|index| (index as f32 * 0.7311 + 0.3).sin()).collect()
}

/// The loss of one training step, with parameters and statistics left as they were.
fn loss_of(network: &Network, pictures: &[f32], gradient: &mut [f32]) -> f32 {
    let mut network = network.clone();
    let (count, classes) = (pictures.len() / network.input_len(), network.classes());
    let labels: Vec<usize> = (0..count).map(|index| index % classes).collect();
    let weights = vec![1.0; classes];
    let loss = |logits: &[f32]| cross_entropy(logits, &labels, &weights, 0.0);
    network.step(pictures.to_vec(), (3, 5), loss, gradient).loss
}

#[test]
fn gradients_agree_with_finite_differences() {
    let head = r#"{ op = "flatten" }, { op = "linear", out_features = 3 }"#;
    let cases = [
        r#"{ op = "conv", out_channels = 2, kernel = 3 }"#,
        r#"{ op = "conv", out_channels = 4, kernel = [3, 2], stride = 2, padding = 1, groups = 2 }"#,
        r#"{ op = "max_pool", kernel = 2 }"#,
        r#"{ op = "avg_pool", kernel = 3, stride = 2, padding = 1 }"#,
        r#"{ op = "global_avg_pool" }"#,
        r#"{ op = "global_max_pool" }"#,
        r#"{ op = "batch_norm" }"#,
        r#"{ op = "dropout", probability = 0.3 }"#,
        r#"{ op = "relu" }"#,
        r#"{ op = "gelu" }"#,
        r#"{ op = "flatten" }, { op = "linear", out_features = 9 }, { op = "batch_norm" }"#,
        r#"{ op = "residual", layers = [{ op = "conv", out_channels = 2, kernel = 3, padding = 1 }, { op = "gelu" }] }"#,
        r#"{ op = "residual", shortcut = "projection_norm", layers = [{ op = "conv", out_channels = 3, kernel = 3, stride = 2, padding = 1 }] }"#,
    ];
    for case in cases {
        // A convolution in front, so that the gradient has to go through the layer under test.
        let layers = format!(r#"{{ op = "conv", out_channels = 2, kernel = 1 }}, {case}, {head}"#);
        let network = network([2, 6, 5], &layers);
        let pictures = wave(4 * network.input_len());
        let mut gradient = vec![0.0; network.parameters().len()];
        loss_of(&network, &pictures, &mut gradient);
        let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        // A maximum or rectifier may switch within a step; short steps make that rare, but coarse.
        let has_kinks = case.contains("max") || case.contains("relu");
        let (step, tolerance) =
            if has_kinks { (5e-4, 0.03 * largest + 5e-4) } else { (4e-3, 0.01 * largest + 1e-4) };
        let mut wrong = 0;
        for (index, expected) in gradient.iter().enumerate() {
            let shifted = |by: f32| {
                let mut network = network.clone();
                network.parameters[index] += by;
                f64::from(loss_of(&network, &pictures, &mut vec![0.0; gradient.len()]))
            };
            let difference = (shifted(step) - shifted(-step)) / f64::from(2.0 * step);
            wrong += usize::from((difference as f32 - expected).abs() > tolerance);
        }
        let allowed = if has_kinks { gradient.len() / 10 } else { 0 };
        assert!(wrong <= allowed, "{case}: {wrong} of {} gradients are wrong", gradient.len());
    }
}

#[test]
fn thread_count_does_not_change_bits() {
    let layers = r#"{ op = "conv", out_channels = 8, kernel = 3, padding = 1 }, { op = "batch_norm" }, { op = "relu" },
        { op = "residual", layers = [{ op = "conv", out_channels = 8, kernel = 3, padding = 1 }] }, { op = "dropout" },
        { op = "max_pool", kernel = 2 }, { op = "flatten" }, { op = "linear", out_features = 10 }"#;
    let network = network([3, 12, 12], layers);
    let pictures = wave(37 * network.input_len());
    let bits = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut gradient = vec![0.0; network.parameters().len()];
        let loss = pool.install(|| loss_of(&network, &pictures, &mut gradient));
        gradient.push(loss);
        gradient.iter().map(|value| value.to_bits()).collect::<Vec<_>>()
    };
    let one = bits(1);
    assert!([2, 3, 4].into_iter().all(|threads| bits(threads) == one));
}

#[test]
fn layers_that_do_not_fit_are_named() {
    let cases = [
        (
            r#"{ op = "conv", out_channels = 4, kernel = 5 }, { op = "relu" }, { op = "flatten" }, { op = "linear", in_features = 400, out_features = 10 }"#,
            "layers[3] linear: expects 400 inputs, the layer before gives 576",
        ),
        (
            r#"{ op = "linear", out_features = 10 }"#,
            "layers[0] linear: expects a vector, the layer before gives 3 channels of 16x16; put a `flatten` between",
        ),
        (
            r#"{ op = "conv", in_channels = 1, out_channels = 4, kernel = 3 }"#,
            "layers[0] conv: expects 1 input channels, the layer before gives 3",
        ),
        (
            r#"{ op = "max_pool", kernel = 20 }"#,
            "layers[0] max_pool: `kernel` 20 is larger than the 16 rows or columns with padding 0",
        ),
        (
            r#"{ op = "residual", layers = [{ op = "conv", out_channels = 4, kernel = 1 }] }"#,
            "layers[0] residual: the inner layers turn 3 channels of 16x16 into 4 channels of 16x16; set `shortcut` to `projection` or keep the shape",
        ),
        (
            r#"{ op = "residual", layers = [{ op = "relu" }, { op = "linear", out_features = 4 }] }"#,
            "layers[0].layers[1] linear: expects a vector, the layer before gives 3 channels of 16x16; put a `flatten` between",
        ),
        (
            r#"{ op = "conv", name = "a", out_channels = 3, kernel = 1 }, { op = "batch_norm", name = "a" }, { op = "flatten" }"#,
            "layers: two parameters would be called `a.weight`; give the layers different names; layers: two parameters would be called `a.bias`; give the layers different names",
        ),
        (
            r#"{ op = "relu" }"#,
            "layers: the last layer gives 3 channels of 16x16, expected a vector of one number per class",
        ),
    ];
    for (layers, expected) in cases {
        assert_eq!(problem([3, 16, 16], layers), expected);
    }
}

#[test]
fn parameters_are_named_as_in_pytorch() {
    let layers = r#"{ op = "conv", name = "stem", out_channels = 4, kernel = 3, padding = 1 }, { op = "batch_norm" },
        { op = "residual", shortcut = "projection", layers = [{ op = "relu" }, { op = "conv", out_channels = 6, kernel = 3, stride = 2, padding = 1 }] },
        { op = "flatten" }, { op = "linear", name = "out", out_features = 2, bias = false }"#;
    let network = network([3, 8, 8], layers);
    let names: Vec<&str> = network.parameter_specs().iter().map(|spec| spec.name.as_str()).collect();
    let expected = [
        "stem.weight",
        "stem.bias",
        "1.weight",
        "1.bias",
        "2.layers.1.weight",
        "2.layers.1.bias",
        "2.shortcut.0.weight",
        "2.shortcut.0.bias",
        "out.weight",
    ];
    assert_eq!(names, expected);
    assert_eq!(network.parameter_specs()[4].shape, [6, 4, 3, 3]);
    assert_eq!(network.buffer_specs()[1].name, "1.running_var");
}

#[test]
fn fresh_parameters_follow_pytorchs_defaults() {
    let network = network(
        [3, 8, 8],
        r#"{ op = "conv", out_channels = 50, kernel = 3 }, { op = "batch_norm" }, { op = "flatten" }, { op = "linear", out_features = 2 }"#,
    );
    let bound = 1.0 / 27.0_f32.sqrt();
    let weights = network.parameter(0);
    assert!(weights.iter().all(|weight| weight.abs() <= bound));
    let variance = weights.iter().map(|weight| weight * weight).sum::<f32>() / weights.len() as f32;
    assert!((variance / (bound * bound / 3.0) - 1.0).abs() < 0.1);
    assert!(network.parameter(2).iter().all(|weight| *weight == 1.0));
}

#[test]
fn evaluation_uses_running_statistics_and_no_dropout() {
    let network = network(
        [1, 2, 2],
        r#"{ op = "batch_norm" }, { op = "dropout" }, { op = "flatten" }, { op = "linear", out_features = 2 }"#,
    );
    let one = network.logits(wave(4));
    let both = network.logits([wave(4), vec![9.0; 4]].concat());
    assert_eq!(one, both[..2]);
}
