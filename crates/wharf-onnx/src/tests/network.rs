//! A network of every operator, checked by ONNX's own checker and run beside PyTorch.

use std::io::Write as _;
use std::process::Command;

use super::*;
use crate::{BatchNorm, Conv2d, Window};

/// Pictures of 9 x 8 in three channels, as bytes.
fn network() -> Result<Model, OnnxError> {
    let mut g = GraphBuilder::new("every-operator");
    let image = g.input(&spec("image", DType::U8, &[-1, 9, 8, 3]))?;
    let weight = |g: &mut GraphBuilder, name: &str, dims: &[usize]| {
        g.initializer(name, &noise(dims, u32::try_from(name.len() + dims.len()).unwrap()))
    };

    let (mean, std) =
        (weight(&mut g, "mean", &[1, 3, 1, 1])?, g.initializer("std", &positive(&[1, 3, 1, 1]))?);
    let (levels, pixels) = (g.scalar(255.0), g.cast(&image, DType::F32));
    let x = g.div(&pixels, &levels);
    let x = g.transpose(&x, &[0, 3, 1, 2]);
    let x = g.sub(&x, &mean);
    let x = g.div(&x, &std);

    let (w, b) = (weight(&mut g, "conv1.weight", &[4, 3, 3, 3])?, weight(&mut g, "conv1.bias", &[4])?);
    let x = g.conv2d(&x, &w, Some(&b), &Conv2d::new(Window::square(3, 1, 1)));
    let (scale, bias) = (weight(&mut g, "bn.weight", &[4])?, weight(&mut g, "bn.bias", &[4])?);
    let (mean, variance) = (weight(&mut g, "bn.mean", &[4])?, g.initializer("bn.var", &positive(&[4]))?);
    let x = g.batch_norm(
        &x,
        &BatchNorm { scale: &scale, bias: &bias, mean: &mean, variance: &variance, epsilon: 1e-5 },
    );
    let x = g.gelu(&x);
    let x = g.max_pool2d(&x, &Window::square(2, 2, 0));

    let w = weight(&mut g, "conv2.weight", &[4, 2, 3, 3])?;
    let dilated = Conv2d { dilation: [2; 2], groups: 2, ..Conv2d::new(Window::square(3, 1, 2)) };
    let branch = g.conv2d(&x, &w, None, &dilated);
    let x = g.add(&x, &branch);
    let x = g.relu(&x);
    let x = g.average_pool2d(&x, &Window::square(3, 2, 1), true);
    let x = g.pad(&x, &[0, 0, 0, 1], &[0, 0, 2, 0], 0.25);
    let (average, largest) = (g.global_average_pool(&x), g.global_max_pool(&x));
    let (average, largest) = (g.flatten(&average, 1), g.flatten(&largest, 1));
    let x = g.mul(&average, &largest);

    let (w, b) = (weight(&mut g, "fc1.weight", &[5, 4])?, weight(&mut g, "fc1.bias", &[5])?);
    let x = g.linear(&x, &w, Some(&b));
    let (w, b) = (weight(&mut g, "fc2.weight", &[5, 6])?, weight(&mut g, "fc2.bias", &[6])?);
    let x = g.gemm(&x, &w, Some(&b));
    let w = weight(&mut g, "fc3.weight", &[6, 6])?;
    let x = g.matmul(&x, &w);
    let x = g.reshape(&x, &[0, 2, 3]);
    let x = g.reshape(&x, &[0, -1]);
    let logits = g.identity(&x);

    let (probabilities, classes) = (g.softmax(&logits, -1), g.arg_max(&logits, -1));
    g.output(&logits, &spec("logits", DType::F32, &[-1, 6]))?;
    g.output(&probabilities, &spec("probabilities", DType::F32, &[-1, 6]))?;
    g.output(&classes, &spec("classes", DType::I64, &[-1]))?;
    g.build()
}

/// As [`noise`], between 0.75 and 1.25.
fn positive(dims: &[usize]) -> Tensor {
    let values = noise(dims, 11).to_vec::<f32>().unwrap();
    Tensor::from_vec(Shape::new(dims).unwrap(), values.into_iter().map(|value| 1.0 + value / 2.0).collect())
        .unwrap()
}

#[test]
fn inputs_and_outputs_are_read_back() {
    let model = read_model(network().unwrap().to_bytes()).unwrap();
    assert_eq!(model.inputs().unwrap(), [spec("image", DType::U8, &[-1, 9, 8, 3])]);
    let outputs = model.outputs().unwrap();
    assert_eq!(outputs[1], spec("probabilities", DType::F32, &[-1, 6]));
    assert_eq!(outputs[2], spec("classes", DType::I64, &[-1]));
}

#[test]
fn every_operator_agrees_with_pytorch() {
    let Ok(python) = std::env::var("WHARF_TORCH_PYTHON") else {
        // Past the capture of the test runner, which hides what passing tests print.
        let _closed_pipe = writeln!(
            std::io::stderr(),
            "skipped: WHARF_TORCH_PYTHON names no Python with torch, onnx and onnxruntime"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("model.onnx"), network().unwrap().to_bytes()).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/check_model.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "agrees");
}
