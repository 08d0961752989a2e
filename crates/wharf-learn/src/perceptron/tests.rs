//! Gradients against finite differences, and what the perceptron learns.

use super::*;
use wharf_transform::CounterRng;

fn features(rows: usize, columns: usize) -> Matrix {
    let mut rng = CounterRng::new(&[rows as u64]);
    Matrix::new((0..rows * columns).map(|_| rng.normal() as f32).collect(), columns).unwrap()
}

#[test]
fn gradients_agree_with_finite_differences() {
    let x = features(6, 3);
    let rows = [0, 1, 2, 3, 4, 5];
    let weights = [1.0, 0.5, 2.0, 1.0, 0.0, 1.0];
    for goal in [Goal::Classes(vec![0, 1, 2, 2, 1, 0]), Goal::Numbers(vec![0.5, -1.0, 2.0, 0.0, 1.0, 3.0])] {
        let outputs = if matches!(goal, Goal::Classes(_)) { 3 } else { 1 };
        let mut network = Network::new(3, &[5, 4], outputs, 7);
        let mut gradients = network.zeros();
        let loss = |network: &Network| {
            let mut outputs = network.forward(x.values().to_vec()).pop().unwrap();
            network::loss_and_slopes(&mut outputs, &goal, &rows, &weights)
        };
        network.add_gradients(x.values().to_vec(), &goal, &rows, &weights, &mut gradients);
        for place in 0..network.layers().len() {
            let expected: Vec<f32> =
                gradients.layers_mut()[place].parameters_mut().map(|gradient| *gradient).collect();
            for (index, expected) in expected.into_iter().enumerate() {
                let mut moved = |step: f32| {
                    let before = *network.layers_mut()[place].parameters_mut().nth(index).unwrap();
                    *network.layers_mut()[place].parameters_mut().nth(index).unwrap() = before + step;
                    let loss = loss(&network);
                    *network.layers_mut()[place].parameters_mut().nth(index).unwrap() = before;
                    loss
                };
                // float32 keeps seven digits: of a step of 1e-3 a few thousandths of the slope are rounding.
                let slope = (moved(1e-3) - moved(-1e-3)) / 2e-3;
                assert!((slope - f64::from(expected)).abs() < 5e-3, "{place} {index}: {slope} {expected}");
            }
        }
    }
}

#[test]
fn learns_what_no_linear_model_can() {
    let x = features(1500, 2);
    let class = |row: usize| u32::from(x.row(row)[0] * x.row(row)[1] > 0.0);
    let truth: Vec<u32> = (0..1500).map(class).collect();
    let target = Target::classes(truth.clone(), 2).unwrap();
    let settings = Perceptron { hidden: vec![16], batch: 32, learning_rate: 0.01, ..Perceptron::default() };
    let fitted = settings.fit(&x, &target, &FitOptions::new(1)).unwrap();
    let classes = fitted.predict(&x).unwrap().classes().unwrap();
    let right = classes.iter().zip(&truth).filter(|(a, b)| a == b).count();
    assert!(right > 1400, "{right}");
}

#[test]
fn learns_numbers_far_from_zero() {
    let x = features(1000, 3);
    let truth: Vec<f64> = (0..1000).map(|row| 5000.0 + 300.0 * f64::from(x.row(row)[1])).collect();
    let target = Target::numbers(truth.clone()).unwrap();
    let settings = Perceptron { batch: 32, ..Perceptron::default() };
    let fitted = settings.fit(&x, &target, &FitOptions::new(1)).unwrap();
    let Prediction::Numbers(values) = fitted.predict(&x).unwrap() else { panic!("no numbers") };
    let error = values.iter().zip(&truth).map(|(a, b)| (a - b).abs()).sum::<f64>() / 1000.0;
    assert!(error < 30.0, "{error}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let x = features(300, 4);
    let target = Target::classes((0..300).map(|row| row % 3).collect(), 3).unwrap();
    let settings = Perceptron { epochs: 3, ..Perceptron::default() };
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| settings.fit(&x, &target, &FitOptions::new(1)).unwrap())
    };
    assert_eq!(on(1), on(3));
}
