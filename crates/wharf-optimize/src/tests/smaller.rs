use wharf_onnx::{BatchNorm, Conv2d, GraphBuilder, Model, Window};
use wharf_tensor::{DType, TensorSpec};

use super::nets::{answers, constant, engine, perceptron_with_outlier, picture_net, random, samples};
use crate::{
    CalibrationMethod, DynamicOptions, StaticOptions, calibrate, fold_batch_norms, half_weights,
    quantise_dynamic, quantise_static, quantise_weights,
};

fn sqnr_db(model: &Model, changed: &Model) -> f64 {
    let samples = samples(&[3, 8, 8], 64, 5);
    let (expected, actual) = (answers(model, &samples), answers(changed, &samples));
    let power =
        |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let noise = power(&mut expected.iter().zip(&actual).map(|(a, b)| a - b));
    10.0 * (power(&mut expected.iter().copied()) / noise.max(1e-30)).log10()
}

#[test]
fn answers_stay_close() {
    let model = picture_net();
    let static_options = StaticOptions::serving(&model);
    let calibration = samples(&[3, 8, 8], 64, 9);
    let method = CalibrationMethod::MinMax;
    let ranges = calibrate(&engine(), &model, &static_options.scope, method, &calibration, 16).unwrap();
    for (name, changed, least_db) in [
        ("half", half_weights(&model).unwrap(), 60.0),
        ("weights", quantise_weights(&model, true, &|_| false).unwrap(), 30.0),
        ("dynamic", quantise_dynamic(&model, &DynamicOptions::serving()).unwrap(), 20.0),
        ("static", quantise_static(&model, &ranges, &static_options).unwrap(), 20.0),
    ] {
        let decibels = sqnr_db(&model, &changed);
        assert!(decibels > least_db, "{name}: {decibels} dB");
        assert!(decibels < 200.0, "{name} changed nothing");
    }
}

#[test]
fn answers_stay_float_in_serving_only() {
    let model = picture_net();
    let options = StaticOptions::serving(&model);
    let calibration = samples(&[3, 8, 8], 8, 9);
    let method = CalibrationMethod::MinMax;
    let ranges = calibrate(&engine(), &model, &options.scope, method, &calibration, 8).unwrap();
    let has_pair = |options: &StaticOptions| {
        let quantised = quantise_static(&model, &ranges, options).unwrap();
        quantised.nodes().iter().any(|node| node.op_type == "QuantizeLinear" && node.input[0] == "matmul")
    };
    assert!(!has_pair(&options));
    assert!(has_pair(&StaticOptions { float_results: false, ..options }));
}

/// Nothing quantised follows the activation, so no bounds of integers do its work.
#[test]
fn an_activation_of_the_answers_stays() {
    let mut graph = GraphBuilder::new("rectified");
    let x = graph.input(&TensorSpec::new("x", DType::F32, &[-1, 8])).unwrap();
    let w = random(&mut graph, "w", &[8, 4]);
    let product = graph.gemm(&x, &w, None);
    let rectified = graph.relu(&product);
    graph.output(&rectified, &TensorSpec::new("logits", DType::F32, &[-1, 4])).unwrap();
    let model = graph.build().unwrap();
    let (options, calibration) = (StaticOptions::serving(&model), samples(&[8], 64, 9));
    let method = CalibrationMethod::MinMax;
    let ranges = calibrate(&engine(), &model, &options.scope, method, &calibration, 8).unwrap();
    let quantised = quantise_static(&model, &ranges, &options).unwrap();
    let (expected, actual) = (answers(&model, &calibration), answers(&quantised, &calibration));
    assert!(actual.iter().all(|&value| value >= 0.0) && actual.contains(&0.0));
    let worst = expected.iter().zip(&actual).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!((1e-6..0.05).contains(&worst), "{worst}");
}

#[test]
fn batch_normalisations_go_into_convolutions() {
    let mut graph = GraphBuilder::new("normalised");
    let x = graph.input(&TensorSpec::new("x", DType::F32, &[-1, 3, 8, 8])).unwrap();
    let (w1, w2, b2) = (
        random(&mut graph, "w1", &[4, 3, 3, 3]),
        random(&mut graph, "w2", &[4, 4, 1, 1]),
        random(&mut graph, "b2", &[4]),
    );
    let [scale, bias, mean] = ["scale", "bias", "mean"].map(|name| random(&mut graph, name, &[4]));
    let variance = constant(&mut graph, "variance", &[4], vec![0.5, 1.0, 2.0, 0.01]);
    let norm = BatchNorm { scale: &scale, bias: &bias, mean: &mean, variance: &variance, epsilon: 1e-3 };
    let first = graph.conv2d(&x, &w1, None, &Conv2d::new(Window::square(3, 1, 1)));
    let first = graph.batch_norm(&first, &norm);
    let second = graph.conv2d(&first, &w2, Some(&b2), &Conv2d::new(Window::square(1, 1, 0)));
    let normalised = graph.batch_norm(&second, &norm);
    let sum = graph.add(&normalised, &first);
    let pooled = graph.global_average_pool(&sum);
    let flat = graph.flatten(&pooled, 1);
    graph.output(&flat, &TensorSpec::new("logits", DType::F32, &[-1, 4])).unwrap();
    let model = graph.build().unwrap();
    let folded = fold_batch_norms(&model).unwrap();
    assert!(folded.nodes().iter().all(|node| node.op_type != "BatchNormalization"));
    assert!(sqnr_db(&model, &folded) > 100.0);
}

#[test]
fn files_get_smaller() {
    let model = perceptron_with_outlier();
    let size = |model: &Model| model.to_bytes().len();
    assert!(size(&half_weights(&model).unwrap()) * 10 < size(&model) * 8);
    assert!(size(&quantise_weights(&model, true, &|_| false).unwrap()) * 10 < size(&model) * 6);
    assert_eq!(quantise_weights(&model, true, &|_| true).unwrap().initializers(), model.initializers());
}

#[test]
fn a_model_is_quantised_once() {
    let quantised = quantise_dynamic(&picture_net(), &DynamicOptions::serving()).unwrap();
    let errors = [
        quantise_dynamic(&quantised, &DynamicOptions::serving()).unwrap_err(),
        quantise_weights(&quantised, true, &|_| false).unwrap_err(),
        quantise_static(&quantised, &Default::default(), &StaticOptions::reference()).unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().starts_with("the model is quantised already: node `"), "{error}");
    }
}
