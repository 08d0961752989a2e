//! Trees against scikit-learn's (`goldens/make.py` made the file), and what forests promise.

use serde::Deserialize;

use super::*;
use crate::LearnErrorKind;

#[derive(Deserialize)]
struct Case {
    criterion: String,
    weights: Option<Vec<f64>>,
    columns: usize,
    features: Vec<f32>,
    target: Vec<f64>,
    predicted: Vec<f64>,
    importances: Vec<f64>,
}

/// Three classes of which two features tell two apart each.
fn sample(rows: usize) -> (Matrix, Target) {
    let mut rng = CounterRng::new(&[9]);
    let values: Vec<f32> = (0..rows * 5).map(|_| rng.uniform_f32()).collect();
    let class = |row: &[f32]| u32::from(row[0] > 0.5) + u32::from(row[1] > 0.6);
    let indices = values.chunks_exact(5).map(class).collect();
    (Matrix::new(values, 5).unwrap(), Target::classes(indices, 3).unwrap())
}

fn values_of(prediction: Prediction) -> Vec<f64> {
    match prediction {
        Prediction::Numbers(values) | Prediction::Probabilities { values, .. } => values,
    }
}

#[test]
fn a_tree_agrees_with_scikit_learn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../../goldens/trees.json")).unwrap();
    for case in cases {
        let features = Matrix::new(case.features, case.columns).unwrap();
        let (criterion, target) = match case.criterion.as_str() {
            "squared_error" => (Criterion::Gini, Target::numbers(case.target).unwrap()),
            name => {
                let indices = case.target.iter().map(|&class| class as u32).collect();
                let criterion = if name == "gini" { Criterion::Gini } else { Criterion::Entropy };
                (criterion, Target::classes(indices, 3).unwrap())
            }
        };
        let settings = DecisionTree { criterion, max_depth: 3, min_leaf: 12 };
        let options = FitOptions::new(0).with_weights(case.weights.as_deref());
        let model = settings.fit(&features, &target, &options).unwrap();
        let predicted = values_of(model.predict(&features).unwrap());
        // Leaves are float32.
        for (actual, expected) in predicted.iter().zip(&case.predicted) {
            assert!((actual - expected).abs() < 2e-6 * expected.abs().max(1.0), "{actual} {expected}");
        }
        for (actual, expected) in model.importances().iter().zip(&case.importances) {
            assert!((actual - expected).abs() < 1e-9, "{} {actual} {expected}", case.criterion);
        }
    }
}

#[test]
fn a_forest_learns_and_its_unseen_samples_say_how_well() {
    let (features, target) = sample(2000);
    let settings = RandomForest { trees: 40, ..RandomForest::default() };
    let model = settings.fit(&features, &target, &FitOptions::new(1)).unwrap();
    assert!(model.out_of_bag_score().unwrap() > 0.95, "{:?}", model.out_of_bag_score());
    assert!(model.importances()[..2].iter().sum::<f64>() > 0.9);
    let whole = RandomForest { bootstrap: false, ..settings };
    assert_eq!(whole.fit(&features, &target, &FitOptions::new(1)).unwrap().out_of_bag_score(), None);
}

#[test]
fn a_forest_of_numbers_explains_them() {
    let (features, _) = sample(1500);
    let truth = (0..1500).map(|row| 1e6 + f64::from(features.row(row)[2])).collect();
    let settings = RandomForest { trees: 30, ..RandomForest::default() };
    let model = settings.fit(&features, &Target::Numbers(truth), &FitOptions::new(1)).unwrap();
    assert!(model.out_of_bag_score().unwrap() > 0.9, "{:?}", model.out_of_bag_score());
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (features, target) = sample(500);
    let settings = RandomForest { trees: 8, ..RandomForest::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| settings.fit(&features, &target, &FitOptions::new(1)).unwrap())
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn missing_values_go_where_they_belong() {
    let value = |row: usize| if row.is_multiple_of(4) { f32::NAN } else { (row % 4) as f32 };
    let features = Matrix::new((0..400).map(value).collect(), 1).unwrap();
    let truth: Vec<u32> = (0..400).map(|row: usize| u32::from(row % 4 < 2)).collect();
    let target = Target::classes(truth.clone(), 2).unwrap();
    let model = DecisionTree::default().fit(&features, &target, &FitOptions::new(0)).unwrap();
    assert_eq!(model.predict(&features).unwrap().classes().unwrap(), truth);
}

#[test]
fn settings_out_of_range_and_stops_are_errors() {
    let (features, target) = sample(50);
    let fit = |settings: RandomForest, options: &FitOptions<'_>| {
        settings.fit(&features, &target, options).unwrap_err().kind()
    };
    let options = FitOptions::new(0);
    let forest = RandomForest::default;
    assert_eq!(fit(RandomForest { trees: 0, ..forest() }, &options), LearnErrorKind::InvalidSetting);
    assert_eq!(fit(RandomForest { min_leaf: 0, ..forest() }, &options), LearnErrorKind::InvalidSetting);
    let stop = || true;
    assert_eq!(fit(forest(), &options.with_stop(&stop)), LearnErrorKind::Stopped);
}
