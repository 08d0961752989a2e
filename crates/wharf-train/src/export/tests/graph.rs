use wharf_engine::{Engine, LoadOptions, ModelSource, OnnxEngine};
use wharf_onnx::read_model;
use wharf_tensor::{DType, Tensor, TensorSpec};
use wharf_testing::assert_close;
use wharf_transform::{Pipeline, Step};

use super::{network, pictures, planes, recipe};
use crate::export::onnx_model;
use crate::kernels::loss::{argmax, softmax};
use crate::network::Network;
use crate::recipe::{InputType, Recipe};

/// ONNX Runtime adds in another order than our kernels and its `Erf` is another approximation: some 1e-6 for
/// these networks. The issue asks for 1e-4.
const TOLERANCE: f32 = 1e-4;

/// Name, `[channels, height, width]`, layers. Every layer kind and setting is in one of them.
const NETWORKS: [(&str, [usize; 3], &str); 19] = [
    ("only flatten", [2, 2, 1], r#"{ op = "flatten" }"#),
    ("linear", [2, 3, 4], r#"{ op = "flatten" }, { op = "linear", out_features = 3 }"#),
    (
        "linear without bias",
        [2, 3, 4],
        r#"{ op = "flatten" }, { op = "linear", out_features = 3, bias = false }"#,
    ),
    ("one class", [2, 3, 4], r#"{ op = "flatten" }, { op = "linear", out_features = 1 }"#),
    (
        "activations and dropout",
        [2, 3, 4],
        r#"{ op = "gelu" }, { op = "flatten" }, { op = "dropout", probability = 0.5 },
           { op = "linear", out_features = 6 }, { op = "relu" }, { op = "linear", out_features = 4 }, { op = "gelu" }"#,
    ),
    (
        "convolution",
        [2, 7, 6],
        r#"{ op = "conv", out_channels = 3, kernel = 3 }, { op = "relu" }, { op = "flatten" },
           { op = "linear", out_features = 4 }"#,
    ),
    (
        "convolution with stride and padding",
        [2, 8, 7],
        r#"{ op = "conv", out_channels = 4, kernel = 3, stride = 2, padding = 1 }, { op = "flatten" }"#,
    ),
    (
        "convolution of a long kernel without bias",
        [2, 9, 5],
        r#"{ op = "conv", out_channels = 2, kernel = [5, 1], stride = 3, bias = false }, { op = "flatten" }"#,
    ),
    (
        "convolution in groups",
        [2, 6, 6],
        r#"{ op = "conv", out_channels = 6, kernel = 3, padding = 1 },
           { op = "conv", out_channels = 4, kernel = 3, groups = 2 }, { op = "flatten" }"#,
    ),
    ("maximum, remainder dropped", [2, 7, 5], r#"{ op = "max_pool", kernel = 2 }, { op = "flatten" }"#),
    (
        "maximum of overlapping windows with padding",
        [2, 7, 5],
        r#"{ op = "max_pool", kernel = 3, stride = 2, padding = 1 }, { op = "flatten" }"#,
    ),
    (
        "maximum of long windows",
        [2, 7, 5],
        r#"{ op = "max_pool", kernel = [3, 2], stride = 1 }, { op = "flatten" }"#,
    ),
    (
        "mean counts the padding",
        [2, 7, 6],
        r#"{ op = "avg_pool", kernel = 3, stride = 2, padding = 1 }, { op = "flatten" }"#,
    ),
    (
        "mean, remainder dropped",
        [2, 7, 6],
        r#"{ op = "avg_pool", kernel = [2, 3], stride = 2 }, { op = "flatten" }"#,
    ),
    ("global mean", [2, 5, 4], r#"{ op = "global_avg_pool" }, { op = "flatten" }"#),
    ("global maximum", [2, 5, 4], r#"{ op = "global_max_pool" }, { op = "flatten" }"#),
    (
        "batch norm after convolution, linear and pool",
        [2, 6, 6],
        r#"{ op = "conv", out_channels = 4, kernel = 3, bias = false }, { op = "batch_norm" }, { op = "relu" },
           { op = "max_pool", kernel = 2 }, { op = "batch_norm", epsilon = 0.01 }, { op = "flatten" },
           { op = "linear", out_features = 5 }, { op = "batch_norm" }"#,
    ),
    (
        "residual blocks",
        [2, 8, 8],
        r#"{ op = "residual", layers = [{ op = "conv", out_channels = 2, kernel = 3, padding = 1 }, { op = "batch_norm" }] },
           { op = "residual", shortcut = "projection", layers = [
               { op = "conv", out_channels = 4, kernel = 3, padding = 1, stride = 2 }, { op = "relu" },
               { op = "residual", layers = [{ op = "conv", out_channels = 4, kernel = 1 }, { op = "gelu" }] }] },
           { op = "residual", shortcut = "projection_norm", layers = [
               { op = "conv", out_channels = 3, kernel = 3, padding = 1, stride = 2, bias = false },
               { op = "batch_norm" }, { op = "relu" }] },
           { op = "global_avg_pool" }, { op = "flatten" }"#,
    ),
    (
        "the seed's layers",
        [2, 16, 16],
        r#"{ op = "conv", name = "conv1", out_channels = 6, kernel = 5 }, { op = "relu" },
           { op = "max_pool", kernel = 2 }, { op = "conv", name = "conv2", out_channels = 16, kernel = 3 },
           { op = "relu" }, { op = "max_pool", kernel = 2 }, { op = "flatten" },
           { op = "linear", name = "fc1", out_features = 12 }, { op = "relu" },
           { op = "linear", name = "fc2", out_features = 10 }"#,
    ),
];

fn labels(network: &Network) -> Vec<String> {
    (0..network.classes()).map(|class| format!("class {class}")).collect()
}

/// What training's forward pass gives for 8-bit pictures.
fn expected(recipe: &Recipe, network: &Network, pixels: &Tensor) -> Vec<f32> {
    let numbers = Pipeline::new(recipe.transform.clone()).unwrap().apply_tensor(pixels).unwrap();
    network.logits(planes(&numbers))
}

/// Exports, runs both sides and compares; gives the largest difference of the logits.
fn compare(engine: &OnnxEngine, name: &str, recipe: &Recipe, network: &Network, count: usize) -> f32 {
    let content =
        onnx_model(network, recipe, &labels(network)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let model = engine.load(ModelSource::Bytes(&content), &LoadOptions::default()).unwrap();
    let pixels = pictures(count, network.input_shape());
    let image = match recipe.export.input {
        InputType::Uint8 => pixels.clone(),
        InputType::Float => Pipeline::always([Step::ToFloat]).unwrap().apply_tensor(&pixels).unwrap(),
    };
    let outputs = model.run(&[("image", image)], &["logits", "probabilities", "classes"]).unwrap();
    let (logits, probabilities) = (outputs[0].to_vec::<f32>().unwrap(), outputs[1].to_vec::<f32>().unwrap());
    let expected = expected(recipe, network, &pixels);
    assert_close(&logits, &expected, TOLERANCE, TOLERANCE);
    let rows = || expected.chunks_exact(network.classes());
    assert_close(&probabilities, &rows().flat_map(softmax).collect::<Vec<_>>(), TOLERANCE, TOLERANCE);
    let classes: Vec<i64> = rows().map(|row| argmax(row) as i64).collect();
    assert_eq!(outputs[2].to_vec::<i64>().unwrap(), classes, "{name}");
    wharf_testing::max_difference(&logits, &expected)
}

#[test]
fn graphs_compute_what_training_computes() {
    let engine = OnnxEngine::new().unwrap();
    let mut worst = 0.0_f32;
    for (name, shape, layers) in NETWORKS {
        for input in ["float", "uint8"] {
            for fold in [false, true] {
                let settings = format!("[export]\ninput = \"{input}\"\nfold_batch_norm = {fold}");
                let recipe = recipe(&settings, layers);
                let network = network(&recipe, shape);
                for count in [1, 5] {
                    worst = worst.max(compare(&engine, name, &recipe, &network, count));
                }
            }
        }
    }
    assert!(worst > 0.0, "nothing was computed");
    eprintln!("largest difference of a logit: {worst:e}");
}

#[test]
fn normalise_may_be_absent_or_repeated() {
    let engine = OnnxEngine::new().unwrap();
    for steps in [
        r#"{ op = "to_float" }"#,
        r#"{ op = "to_float" }, { op = "normalise", mean = [0.3], std = [0.2] }"#,
        r#"{ op = "to_float" }, { op = "normalise", mean = [0.3], std = [0.2] },
           { op = "normalise", mean = [0.1, -0.5], std = [2.0, 3.0] }"#,
    ] {
        let layers = r#"{ op = "conv", out_channels = 3, kernel = 2, padding = 1 }, { op = "flatten" }"#;
        let recipe = recipe(&format!("transform = [{}]", steps.replace('\n', " ")), layers);
        compare(&engine, steps, &recipe, &network(&recipe, [2, 4, 3]), 2);
    }
}

#[test]
fn graphs_say_what_they_are() {
    let (_, shape, layers) = NETWORKS[16];
    for (fold, input, names) in [
        (
            false,
            "float",
            vec!["0.weight", "1.bias", "1.running_var", "4.running_mean", "6.weight", "7.weight"],
        ),
        (true, "uint8", vec!["0.weight_folded", "0.bias_folded", "4.running_mean", "6.weight_folded"]),
    ] {
        let recipe = recipe(&format!("[export]\ninput = \"{input}\"\nfold_batch_norm = {fold}"), layers);
        let network = network(&recipe, shape);
        let model = read_model(onnx_model(&network, &recipe, &labels(&network)).unwrap()).unwrap();
        let dtype = if input == "float" { DType::F32 } else { DType::U8 };
        assert_eq!(model.inputs().unwrap(), [TensorSpec::new("image", dtype, &[-1, 6, 6, 2])]);
        let outputs = [
            TensorSpec::new("logits", DType::F32, &[-1, 5]),
            TensorSpec::new("probabilities", DType::F32, &[-1, 5]),
            TensorSpec::new("classes", DType::I64, &[-1]),
        ];
        assert_eq!((model.outputs().unwrap(), model.opset()), (outputs.to_vec(), 17));
        for name in names {
            assert!(model.initializers().iter().any(|tensor| tensor.name == name), "{name} is not there");
        }
        let folded = model.initializers().iter().filter(|tensor| tensor.name == "1.running_mean").count();
        assert_eq!(folded, usize::from(!fold));
        let metadata: Vec<_> = model.metadata().collect();
        assert_eq!(metadata[0].1, r#"["class 0","class 1","class 2","class 3","class 4"]"#);
        assert_eq!(
            (metadata[0].0, metadata[1].0, metadata[1].1.len()),
            ("wharf.labels", "wharf.recipe_sha256", 64)
        );
        assert_eq!(model.proto().producer_name, "wharf");
    }
}

#[test]
fn transforms_that_the_graph_cannot_do_are_refused_by_name() {
    for (steps, expected) in [
        (r#"{ op = "rgb" }"#, "has no `to_float`"),
        (
            r#"{ op = "to_float" }, { op = "resize", height = 2, width = 2 }"#,
            "step 2 `resize` cannot be exported",
        ),
        (
            r#"{ op = "random_rotation", degrees = 3, when = "always" }, { op = "to_float" }"#,
            "step 1 `random_rotation` runs always",
        ),
        (r#"{ op = "to_float" }, { op = "normalise", mean = [0, 0, 0], std = [1, 1, 1] }"#, "has 3 numbers"),
    ] {
        let recipe = recipe(&format!("transform = [{steps}]"), r#"{ op = "flatten" }"#);
        let network = network(&recipe, [2, 2, 2]);
        let error = onnx_model(&network, &recipe, &labels(&network)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let recipe = recipe("", r#"{ op = "flatten" }"#);
    let error =
        onnx_model(&network(&recipe, [2, 1, 1]), &recipe, &["one".to_owned()]).unwrap_err().to_string();
    assert_eq!(error, "there are 1 labels, expected 2 as the network has classes");
}
