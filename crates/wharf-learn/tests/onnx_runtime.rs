//! The graphs of all estimators against ONNX Runtime, on rows with missing values and exact thresholds.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;
use std::process::Command;

use wharf_learn::{Estimator, FitOptions, Fitted, Matrix, NearestNeighbours, Prediction, Target, Votes};
use wharf_transform::CounterRng;

const COLUMNS: usize = 6;
const TRAIN_ROWS: usize = 1200;
const ROWS: usize = 10_000;

/// Numbers on a grid, so that many equal each other, and half-way between, where thresholds are.
fn rows(count: usize, step: f32, missing: f64, seed: u64) -> Matrix {
    let mut rng = CounterRng::new(&[seed]);
    let mut value = || {
        let value = ((rng.normal() as f32 * 2.0) / step).round() * step;
        if rng.uniform_f64() < missing { f32::NAN } else { value }
    };
    Matrix::new((0..count * COLUMNS).map(|_| value()).collect(), COLUMNS).unwrap()
}

fn number(row: &[f32]) -> f64 {
    let known = |place: usize| if row[place].is_nan() { 1.5 } else { f64::from(row[place]) };
    3.0 * known(0).sin() + known(1) * known(2) / 4.0 + known(3)
}

fn target(features: &Matrix, classes: usize) -> Target {
    let numbers = (0..features.rows()).map(|row| number(features.row(row)));
    match classes {
        0 => Target::numbers(numbers.map(|number| 1000.0 + 100.0 * number).collect()).unwrap(),
        2 => Target::classes(numbers.map(|number| u32::from(number > 0.0)).collect(), 2).unwrap(),
        _ => {
            let class = |number: f64| ((number + 3.0) / 2.0).clamp(0.0, classes as f64 - 1.0) as u32;
            Target::classes(numbers.map(class).collect(), classes).unwrap()
        }
    }
}

/// Writes a model, rows, and what this crate predicts for them.
fn write(folder: &Path, name: &str, fitted: &Fitted, rows: &Matrix, differing: f64) {
    let path = |extension: &str| folder.join(name).with_extension(extension);
    std::fs::write(path("onnx"), fitted.to_onnx(name).unwrap().to_bytes()).unwrap();
    let bytes: Vec<u8> = rows.values().iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(path("rows"), bytes).unwrap();
    let (values, outputs, classes) = match fitted.predict(rows).unwrap() {
        Prediction::Probabilities { values, classes } => (values, classes, true),
        Prediction::Numbers(values) => (values, 1, false),
    };
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(path("expected"), bytes).unwrap();
    let case = serde_json::json!({
        "columns": COLUMNS, "outputs": outputs, "classes": classes, "tolerance": 1e-5, "differing": differing,
    });
    std::fs::write(path("json"), case.to_string()).unwrap();
}

/// All estimators as they are by default, and the other way in which neighbours vote.
fn estimators() -> Vec<Estimator> {
    let mut estimators = Estimator::all().to_vec();
    let votes = Votes::Distance;
    estimators.push(Estimator::NearestNeighbours(NearestNeighbours { k: 5, votes }));
    estimators
}

#[test]
fn graphs_agree_with_onnx_runtime() {
    let Ok(python) = std::env::var("WHARF_ONNX_PYTHON") else {
        eprintln!("skipped: WHARF_ONNX_PYTHON names no Python with numpy, onnx and onnxruntime");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (place, estimator) in estimators().iter().enumerate() {
        let missing = if estimator.takes_missing() { 0.1 } else { 0.0 };
        // Neighbours on a grid are equally far, and rounding decides which of them count.
        let neighbours = matches!(estimator, Estimator::NearestNeighbours(_));
        let (step, differing) = if neighbours { (1e-6, 0.002) } else { (0.25, 0.0) };
        let train = rows(TRAIN_ROWS, step, missing, 1);
        let asked = rows(ROWS, step / 2.0, missing, 2);
        for classes in [0, 2, 4] {
            let target = target(&train, classes);
            if !estimator.takes(&target) {
                continue;
            }
            let fitted = estimator.fit(&train, &target, &FitOptions::new(5)).unwrap();
            let name = format!("{}_{place}_{classes}", estimator.kind());
            write(folder.path(), &name, &fitted, &asked, differing);
        }
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/goldens/check_onnx.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    eprintln!("{text}");
    assert!(output.status.success() && text.trim_end().ends_with("agrees"), "{text}{errors}");
}

#[test]
fn graphs_have_the_names_and_shapes_of_the_contract() {
    for estimator in estimators() {
        for classes in [0, 2, 3] {
            let train = rows(100, 0.25, 0.0, 1);
            let target = target(&train, classes);
            if !estimator.takes(&target) {
                continue;
            }
            let model = estimator.fit(&train, &target, &FitOptions::new(5)).unwrap().to_onnx("m").unwrap();
            let inputs = model.inputs().unwrap();
            assert_eq!((inputs[0].name.as_str(), inputs[0].shape.to_i64()), ("features", vec![-1, 6]));
            let outputs: Vec<_> = model
                .outputs()
                .unwrap()
                .into_iter()
                .map(|spec| (spec.name.clone(), spec.shape.to_i64()))
                .collect();
            let expected = match classes {
                0 => vec![("prediction".to_owned(), vec![-1, 1])],
                _ => vec![
                    ("probabilities".to_owned(), vec![-1, classes as i64]),
                    ("classes".to_owned(), vec![-1]),
                ],
            };
            assert_eq!(outputs, expected, "{}", estimator.kind());
        }
    }
}
