//! Votes on few samples, whose answer is known.

use super::*;

fn line() -> Matrix {
    Matrix::new(vec![0.0, 1.0, 2.0, 10.0], 1).unwrap()
}

fn fitted(votes: Votes, weights: Option<&[f64]>, target: &Target) -> Neighbours {
    let options = FitOptions::new(0).with_weights(weights);
    NearestNeighbours { k: 2, votes }.fit(&line(), target, &options).unwrap()
}

fn numbers(model: &Neighbours, at: f32) -> f64 {
    match model.predict(&Matrix::new(vec![at], 1).unwrap()).unwrap() {
        Prediction::Numbers(values) => values[0],
        Prediction::Probabilities { .. } => panic!("no numbers"),
    }
}

#[test]
fn votes_count_as_asked() {
    let target = Target::numbers(vec![0.0, 4.0, 8.0, 100.0]).unwrap();
    for (votes, at, expected) in [
        (Votes::Uniform, 0.25, 2.0),
        (Votes::Distance, 0.25, 1.0),
        (Votes::Distance, 1.0, 4.0),
        (Votes::Uniform, 100.0, 54.0),
    ] {
        let value = numbers(&fitted(votes, None, &target), at);
        assert!((value - expected).abs() < 1e-5, "{votes:?} {at}: {value}, expected {expected}");
    }
}

#[test]
fn weights_multiply_votes_and_zero_drops_the_sample() {
    let target = Target::numbers(vec![0.0, 4.0, 8.0, 100.0]).unwrap();
    let model = fitted(Votes::Uniform, Some(&[1.0, 3.0, 1.0, 1.0]), &target);
    assert!((numbers(&model, 0.25) - 3.0).abs() < 1e-6);
    let model = fitted(Votes::Uniform, Some(&[1.0, 0.0, 1.0, 1.0]), &target);
    assert!((numbers(&model, 0.25) - 4.0).abs() < 1e-6);
}

#[test]
fn classes_get_the_shares_of_the_votes() {
    let target = Target::classes(vec![0, 1, 1, 2], 3).unwrap();
    let prediction = fitted(Votes::Uniform, None, &target).predict(&line()).unwrap();
    assert_eq!(prediction.probability_of(1).unwrap(), [0.5, 0.5, 1.0, 0.5]);
    assert_eq!(prediction.classes().unwrap(), [0, 0, 1, 1]);
}

#[test]
fn rejects_what_cannot_vote() {
    let target = Target::numbers(vec![0.0; 4]).unwrap();
    let options = FitOptions::new(0);
    let fit = |k| NearestNeighbours { k, votes: Votes::Uniform }.fit(&line(), &target, &options);
    assert!(fit(5).unwrap_err().to_string().contains("4 samples, expected at least `k`, which is 5"));
    assert!(fit(0).is_err());
    let missing = Matrix::new(vec![f32::NAN], 1).unwrap();
    assert!(fit(2).unwrap().predict(&missing).is_err());
}

#[test]
fn neighbours_that_are_equally_far_are_not_decided() {
    let features = Matrix::new(vec![0.0, 1.0, 2.0, 4.0], 1).unwrap();
    let target = Target::numbers(vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    let settings = NearestNeighbours { k: 1, ..NearestNeighbours::default() };
    let fitted = settings.fit(&features, &target, &FitOptions::new(1)).unwrap();
    let asked = Matrix::new(vec![0.1, 0.5, 3.0, 9.0], 1).unwrap();
    assert_eq!(fitted.are_decided(&asked).unwrap(), [true, false, false, true]);
    let all = NearestNeighbours { k: 4, ..settings };
    let fitted = all.fit(&features, &target, &FitOptions::new(1)).unwrap();
    assert_eq!(fitted.are_decided(&asked).unwrap(), [true; 4]);
}
