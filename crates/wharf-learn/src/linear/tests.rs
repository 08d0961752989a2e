//! Coefficients against scikit-learn's; `goldens/make.py` made the file.

use serde::Deserialize;

use super::*;
use crate::{FitOptions, LearnErrorKind, Target};

#[derive(Deserialize)]
struct Goldens {
    ridge: Vec<RidgeCase>,
    logistic: Vec<LogisticCase>,
}

#[derive(Deserialize)]
struct RidgeCase {
    alpha: f64,
    weights: Option<Vec<f64>>,
    columns: usize,
    features: Vec<f32>,
    target: Vec<f64>,
    coefficients: Vec<f64>,
    intercept: f64,
}

#[derive(Deserialize)]
struct LogisticCase {
    c: f64,
    classes: usize,
    weights: Option<Vec<f64>>,
    columns: usize,
    features: Vec<f32>,
    target: Vec<u32>,
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

fn goldens() -> Goldens {
    serde_json::from_str(include_str!("../../goldens/linear.json")).unwrap()
}

fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        let error = (actual - expected).abs() / expected.abs().max(1.0);
        assert!(error <= tolerance, "{actual}, expected {expected}");
    }
}

#[test]
fn ridge_agrees_with_scikit_learn() {
    for case in goldens().ridge {
        let features = Matrix::new(case.features, case.columns).unwrap();
        let target = Target::numbers(case.target).unwrap();
        let options = FitOptions::new(0).with_weights(case.weights.as_deref());
        let model = RidgeRegression { alpha: case.alpha }.fit(&features, &target, &options).unwrap();
        assert_close(model.coefficients(), &case.coefficients, 1e-10);
        assert_close(model.intercepts(), &[case.intercept], 1e-10);
    }
}

#[test]
fn logistic_agrees_with_scikit_learn() {
    for case in goldens().logistic {
        let features = Matrix::new(case.features, case.columns).unwrap();
        let target = Target::classes(case.target, case.classes).unwrap();
        let options = FitOptions::new(0).with_weights(case.weights.as_deref());
        let settings = LogisticRegression { c: case.c, max_iterations: 1000, tolerance: 1e-9 };
        let model = settings.fit(&features, &target, &options).unwrap();
        // scikit-learn's own end of the search is that far from the minimum.
        assert_close(model.coefficients(), &case.coefficients, 1e-5);
        assert_close(model.intercepts(), &case.intercepts, 1e-5);
    }
}

#[test]
fn ridge_without_penalty_says_that_columns_depend_on_each_other() {
    let features = Matrix::new(vec![1.0, 2.0, 2.0, 4.0, 3.0, 6.0], 2).unwrap();
    let target = Target::numbers(vec![1.0, 2.0, 4.0]).unwrap();
    let fit = |alpha| RidgeRegression { alpha }.fit(&features, &target, &FitOptions::new(0));
    assert_eq!(fit(0.0).unwrap_err().kind(), LearnErrorKind::Numerical);
    assert!(fit(0.1).is_ok());
}

#[test]
fn each_model_takes_its_own_kind_of_target_and_no_missing_values() {
    let features = Matrix::new(vec![1.0, 2.0], 1).unwrap();
    let missing = Matrix::new(vec![1.0, f32::NAN], 1).unwrap();
    let classes = Target::classes(vec![0, 1], 2).unwrap();
    let numbers = Target::numbers(vec![0.0, 1.0]).unwrap();
    let options = FitOptions::new(0);
    let (ridge, logistic) = (RidgeRegression::default(), LogisticRegression::default());
    assert!(ridge.fit(&features, &classes, &options).is_err());
    assert!(logistic.fit(&features, &numbers, &options).is_err());
    assert!(ridge.fit(&missing, &numbers, &options).is_err());
    assert!(logistic.fit(&missing, &classes, &options).is_err());
    let model = ridge.fit(&features, &numbers, &options).unwrap();
    assert!(model.predict(&missing).is_err());
    assert_eq!(model.importances(), [1.0]);
}

#[test]
fn logistic_stops_when_asked() {
    let features = Matrix::new(vec![1.0, 2.0], 1).unwrap();
    let target = Target::classes(vec![0, 1], 2).unwrap();
    let stop = || true;
    let options = FitOptions::new(0).with_stop(&stop);
    let error = LogisticRegression::default().fit(&features, &target, &options).unwrap_err();
    assert_eq!(error.kind(), LearnErrorKind::Stopped);
}
