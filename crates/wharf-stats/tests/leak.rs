//! Selection outside the folds sees the answers: on noise it scores far above chance, inside them it does not.

#![expect(clippy::unwrap_used, reason = "a test")]

use wharf_stats::{Column, KFold, MutualInformation, accuracy, select_best};

const ROWS: usize = 100;
const FEATURES: usize = 5000;
const KEPT: usize = 20;

/// Numbers in 0..1 that look like noise but have a formula.
fn noise(index: usize) -> f64 {
    let mut mixed = (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
}

/// The features with the highest mutual information over `rows`.
fn select(features: &[Vec<f64>], labels: &[u32], rows: &[usize]) -> Vec<usize> {
    let taken: Vec<Vec<f64>> =
        features.iter().map(|feature| rows.iter().map(|row| feature[*row]).collect()).collect();
    let columns: Vec<Column<'_>> = taken.iter().map(|feature| Column::Continuous(feature)).collect();
    let target: Vec<u32> = rows.iter().map(|row| labels[*row]).collect();
    let scores = MutualInformation::default().scores(&columns, Column::Discrete(&target)).unwrap();
    select_best(&scores.iter().map(|score| score.nats).collect::<Vec<_>>(), KEPT)
}

/// Predicts by votes of the three nearest rows along each feature. (Centroids would not do: the estimator finds
/// relations that are not monotone.)
fn vote(features: &[Vec<f64>], kept: &[usize], labels: &[u32], train: &[usize], row: usize) -> u32 {
    let (mut ones, mut votes) = (0, 0);
    for values in kept.iter().map(|feature| &features[*feature]) {
        let mut near = train.to_vec();
        near.sort_by(|a, b| (values[*a] - values[row]).abs().total_cmp(&(values[*b] - values[row]).abs()));
        ones += near[..3].iter().map(|row| labels[*row]).sum::<u32>();
        votes += 3;
    }
    u32::from(2 * ones > votes)
}

/// Cross-validated accuracy; `kept` is asked for the features of each training part.
fn cross_validated(features: &[Vec<f64>], labels: &[u32], kept: impl Fn(&[usize]) -> Vec<usize>) -> f64 {
    let mut predicted = vec![0; ROWS];
    for fold in KFold::new(5).shuffled(1).stratified(labels).unwrap().folds {
        let kept = kept(&fold.train);
        for row in fold.test {
            predicted[row] = vote(features, &kept, labels, &fold.train, row);
        }
    }
    accuracy(labels, &predicted).unwrap()
}

#[test]
fn selection_inside_the_folds_scores_chance_on_noise() {
    let features: Vec<Vec<f64>> =
        (0..FEATURES).map(|feature| (0..ROWS).map(|row| noise(feature * ROWS + row)).collect()).collect();
    let labels: Vec<u32> = (0..ROWS).map(|row| u32::from(noise(FEATURES * ROWS + row) < 0.5)).collect();
    let honest = cross_validated(&features, &labels, |train| select(&features, &labels, train));
    let all: Vec<usize> = (0..ROWS).collect();
    let seen = select(&features, &labels, &all);
    let leaky = cross_validated(&features, &labels, |_| seen.clone());
    println!("accuracy on noise: {honest} selected inside the folds, {leaky} outside");
    // Three standard errors of 100 fair coins.
    assert!((honest - 0.5).abs() < 0.15, "{honest}");
    assert!(leaky > 0.75, "{leaky}");
}
