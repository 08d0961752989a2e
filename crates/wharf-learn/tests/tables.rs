//! What boosting reaches with its default settings on real tables, where they are at hand.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "helpers of tests fail by panicking, and say what they skip"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use wharf_learn::{Estimator, FitOptions, GradientBoosting, Matrix, Prediction, Target};
use wharf_transform::CounterRng;

/// A table of numbers: texts are ordinal codes in the order of the alphabet, what is missing is NaN.
struct Table {
    features: Matrix,
    target: Vec<String>,
}

fn read(name: &str, target: &str, dropped: &[&str]) -> Option<Table> {
    let root = std::env::var_os("WHARF_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = root.join("tabular").join(name);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("skipped: there is no `{}`", path.display());
        return None;
    };
    // None of these tables quotes a cell.
    let mut lines = text.lines().map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let rows: Vec<Vec<&str>> = lines.collect();
    let place = header.iter().position(|column| *column == target).unwrap();
    let kept = (0..header.len()).filter(|&column| column != place && !dropped.contains(&header[column]));
    let columns: Vec<Vec<f32>> =
        kept.map(|column| codes(&rows.iter().map(|row| row[column]).collect::<Vec<_>>())).collect();
    let values = (0..rows.len()).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    let target = rows.iter().map(|row| row[place].to_owned()).collect();
    Some(Table { features: Matrix::new(values, columns.len()).unwrap(), target })
}

fn codes(cells: &[&str]) -> Vec<f32> {
    let is_missing = |cell: &str| cell.is_empty() || cell == "?";
    if cells.iter().all(|cell| is_missing(cell) || cell.parse::<f32>().is_ok()) {
        return cells.iter().map(|cell| cell.parse().unwrap_or(f32::NAN)).collect();
    }
    let mut levels: Vec<&str> = cells.to_vec();
    levels.sort_unstable();
    levels.dedup();
    let levels: BTreeMap<&str, usize> =
        levels.into_iter().enumerate().map(|(code, level)| (level, code)).collect();
    let code = |cell: &&str| if is_missing(cell) { f32::NAN } else { levels[cell] as f32 };
    cells.iter().map(code).collect()
}

/// Fits four fifths and predicts the rest.
fn fit(features: &Matrix, target: &Target) -> (Prediction, Target) {
    let mut order = CounterRng::new(&[42]).permutation(features.rows());
    let train = order.split_off(features.rows() / 5);
    let begun = Instant::now();
    let estimator = Estimator::GradientBoosting(GradientBoosting::default());
    let fitted =
        estimator.fit(&features.select(&train), &target.select(&train), &FitOptions::new(1)).unwrap();
    eprintln!("{} rows fitted in {:.1?}", train.len(), begun.elapsed());
    (fitted.predict(&features.select(&order)).unwrap(), target.select(&order))
}

/// The chance that a sample of class 1 scores higher than one of class 0.
fn auc(table: &Table, positive: &str) -> f64 {
    let indices = table.target.iter().map(|cell| u32::from(cell == positive)).collect();
    let (prediction, truth) = fit(&table.features, &Target::classes(indices, 2).unwrap());
    let Target::Classes { indices, .. } = truth else { panic!("no classes") };
    let scores = prediction.probability_of(1).unwrap();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let (mut rank, mut sum, mut positives) = (0.0, 0.0, 0.0);
    for same in order.chunk_by(|&a, &b| scores[a] == scores[b]) {
        let count = same.iter().filter(|&&row| indices[row] == 1).count() as f64;
        sum += count * (rank + (same.len() as f64 + 1.0) / 2.0);
        positives += count;
        rank += same.len() as f64;
    }
    (sum - positives * (positives + 1.0) / 2.0) / (positives * (rank - positives))
}

#[test]
fn adult_is_told_apart() {
    let Some(table) = read("adult.csv", "income", &[]) else { return };
    let auc = auc(&table, ">50K");
    eprintln!("adult: AUC {auc:.4}");
    assert!(auc >= 0.925, "{auc}");
}

#[test]
fn credit_card_default_is_told_apart() {
    let Some(table) = read("credit_card_default.csv", "DEFAULT", &["ID"]) else { return };
    let auc = auc(&table, "Default");
    eprintln!("credit_card_default: AUC {auc:.4}");
    assert!(auc >= 0.775, "{auc}");
}

#[test]
fn california_housing_is_explained() {
    let Some(table) = read("california_housing_missing.csv", "median_house_value", &[]) else { return };
    let numbers = table.target.iter().map(|cell| cell.parse().unwrap()).collect();
    let (prediction, truth) = fit(&table.features, &Target::numbers(numbers).unwrap());
    let (Prediction::Numbers(predicted), Target::Numbers(truth)) = (prediction, truth) else {
        panic!("no numbers")
    };
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let spread: f64 = truth.iter().map(|value| (value - mean).powi(2)).sum();
    let error: f64 = truth.iter().zip(&predicted).map(|(a, b)| (a - b).powi(2)).sum();
    let r2 = 1.0 - error / spread;
    eprintln!("california_housing_missing: R2 {r2:.4}");
    assert!(r2 >= 0.82, "{r2}");
}
