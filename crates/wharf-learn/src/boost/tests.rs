//! Boosting as a whole, on data whose answer is known.

use super::*;

const SETTINGS: GradientBoosting = GradientBoosting {
    trees: 60,
    learning_rate: 0.1,
    max_leaves: 15,
    max_depth: 0,
    min_child: 5,
    l2: 0.0,
    min_gain: 0.0,
    subsample: 1.0,
    column_sample: 1.0,
    bins: 255,
    patience: 0,
    validation: 0.1,
};

/// Two features that count and one that does not.
fn features(rows: usize) -> Matrix {
    let mut rng = CounterRng::new(&[1]);
    Matrix::new((0..rows * 3).map(|_| rng.uniform_f32()).collect(), 3).unwrap()
}

fn numbers(features: &Matrix) -> Vec<f64> {
    (0..features.rows())
        .map(|row| {
            let row = features.row(row);
            f64::from((6.0 * row[0]).sin() + row[1])
        })
        .collect()
}

fn fitted(settings: &GradientBoosting, features: &Matrix, target: &Target) -> BoostedTrees {
    settings.fit(features, target, &FitOptions::new(3)).unwrap()
}

#[test]
fn learns_a_smooth_function_and_what_matters_for_it() {
    let features = features(4000);
    let truth = numbers(&features);
    let model = fitted(&SETTINGS, &features, &Target::Numbers(truth.clone()));
    let Prediction::Numbers(predicted) = model.predict(&features).unwrap() else { panic!("no numbers") };
    let error: f64 = predicted.iter().zip(&truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 4000.0;
    assert!(error < 0.001, "{error}");
    let importances = model.importances();
    assert!(importances[2] < 0.01 && (importances.iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn learns_classes() {
    let features = features(3000);
    for count in [2_u32, 4] {
        let class =
            |value: f64| ((value + 1.0) / 3.0 * f64::from(count)).clamp(0.0, f64::from(count) - 1.0) as u32;
        let truth: Vec<u32> = numbers(&features).into_iter().map(class).collect();
        let target = Target::classes(truth.clone(), count as usize).unwrap();
        let prediction = fitted(&SETTINGS, &features, &target).predict(&features).unwrap();
        let classes = prediction.classes().unwrap();
        let right = classes.iter().zip(&truth).filter(|(a, b)| a == b).count();
        assert!(right > 2900, "{count} classes: {right}");
        let Prediction::Probabilities { values, classes } = prediction else { panic!("no probabilities") };
        assert!(values.chunks(classes).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-12));
    }
}

#[test]
fn missing_values_that_tell_the_class_are_learned() {
    let value = |row: usize| if row.is_multiple_of(3) { f32::NAN } else { (row % 7) as f32 };
    let features = Matrix::new((0..600).map(value).collect(), 1).unwrap();
    let truth: Vec<u32> = (0..600).map(|row: usize| u32::from(row.is_multiple_of(3))).collect();
    let target = Target::classes(truth.clone(), 2).unwrap();
    assert_eq!(fitted(&SETTINGS, &features, &target).predict(&features).unwrap().classes().unwrap(), truth);
}

#[test]
fn one_tree_without_shrinkage_gives_the_means_of_its_leaves() {
    let features = Matrix::new((0..40).map(|i| (i / 10) as f32).collect(), 1).unwrap();
    let truth: Vec<f64> = (0..40).map(|i| f64::from(i / 10).powi(2) + f64::from(i % 2)).collect();
    let settings = GradientBoosting { trees: 1, learning_rate: 1.0, ..SETTINGS };
    let model = fitted(&settings, &features, &Target::Numbers(truth));
    let Prediction::Numbers(predicted) = model.predict(&features).unwrap() else { panic!("no numbers") };
    for (row, value) in predicted.iter().enumerate() {
        let expected = ((row / 10) as f64).powi(2) + 0.5;
        assert!((value - expected).abs() < 1e-6, "{value} {expected}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let features = features(3000);
    let truth = numbers(&features).into_iter().map(|value| (value.abs() * 1.4) as u32).collect();
    let target = Target::classes(truth, 3).unwrap();
    let settings =
        GradientBoosting { trees: 10, subsample: 0.7, column_sample: 0.7, patience: 3, ..SETTINGS };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| fitted(&settings, &features, &target))
    };
    let one = on(1);
    assert_eq!(one, on(3));
    assert_ne!(one, settings.fit(&features, &target, &FitOptions::new(4)).unwrap());
}

#[test]
fn growth_ends_when_the_held_out_part_gets_worse() {
    let features = features(500);
    let mut rng = CounterRng::new(&[2]);
    let target = Target::classes((0..500).map(|_| rng.below(2) as u32).collect(), 2).unwrap();
    let settings = GradientBoosting { trees: 200, patience: 5, validation: 0.3, ..SETTINGS };
    assert!(fitted(&settings, &features, &target).rounds() < 50);
}

#[test]
fn weights_count_as_repetitions() {
    let features = features(300);
    let truth = numbers(&features);
    let weights: Vec<f64> = (0..300).map(|row| f64::from(row % 2)).collect();
    let kept: Vec<usize> = (0..300).filter(|row| row % 2 == 1).collect();
    let settings = GradientBoosting { trees: 5, min_child: 1, max_leaves: 4, ..SETTINGS };
    let options = FitOptions::new(0).with_weights(Some(&weights));
    let weighted = settings.fit(&features, &Target::Numbers(truth.clone()), &options).unwrap();
    let target = Target::Numbers(truth).select(&kept);
    let alone = settings.fit(&features.select(&kept), &target, &FitOptions::new(0)).unwrap();
    let both = |model: &BoostedTrees| match model.predict(&features.select(&kept)).unwrap() {
        Prediction::Numbers(values) => values,
        Prediction::Probabilities { .. } => panic!("no numbers"),
    };
    // The thresholds differ a little, because bins do not know weights.
    let far = both(&weighted).iter().zip(both(&alone)).filter(|(a, b)| (*a - b).abs() > 1e-5).count();
    assert!(far < 8, "{far}");
}

#[test]
fn settings_out_of_range_and_stops_are_errors() {
    let features = features(50);
    let target = Target::Numbers(numbers(&features));
    for settings in [
        GradientBoosting { trees: 0, ..SETTINGS },
        GradientBoosting { learning_rate: 0.0, ..SETTINGS },
        GradientBoosting { max_leaves: 1, ..SETTINGS },
        GradientBoosting { subsample: 1.5, ..SETTINGS },
        GradientBoosting { bins: 256, ..SETTINGS },
        GradientBoosting { l2: -1.0, ..SETTINGS },
    ] {
        let error = settings.fit(&features, &target, &FitOptions::new(0)).unwrap_err();
        assert_eq!(error.kind(), crate::LearnErrorKind::InvalidSetting, "{error}");
    }
    let stop = || true;
    let options = FitOptions::new(0).with_stop(&stop);
    let error = SETTINGS.fit(&features, &target, &options).unwrap_err();
    assert_eq!(error.kind(), crate::LearnErrorKind::Stopped);
    let model = fitted(&SETTINGS, &features, &target);
    assert!(model.predict(&Matrix::new(vec![1.0], 1).unwrap()).is_err());
}
