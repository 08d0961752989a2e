use super::accelerated::{Acceleration, ends};
use super::*;
use crate::goldens::{classes, golden, number, numbers, rows};
use crate::random::{Purpose, Stream};
use crate::{StatsErrorKind, roc_auc};

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-300)
}

/// Positives score one deviation above negatives.
fn scored(rows: usize) -> (Vec<bool>, Vec<f64>) {
    let mut stream = Stream::new(5, Purpose::Folds, 0);
    let truth: Vec<bool> = (0..rows).map(|row| row % 3 == 0).collect();
    let scores = truth.iter().map(|truth| stream.normal() + f64::from(u8::from(*truth))).collect();
    (truth, scores)
}

#[test]
fn ends_are_those_of_scipy() {
    let case = &golden("intervals")["accelerated"];
    let mut replicates = numbers(&case["replicates"]);
    replicates.sort_by(f64::total_cmp);
    let correction = Acceleration::new(number(&case["estimate"]), &replicates, &numbers(&case["left_out"]));
    for (method, acceleration) in [("percentile", None), ("BCa", Some(correction))] {
        for confidence in [0.8, 0.95] {
            let (low, high) = ends(&replicates, confidence, acceleration);
            let expected = numbers(&case["ends"][format!("{method} {confidence}")]);
            assert!(
                close(low, expected[0]) && close(high, expected[1]),
                "{method}: {low} {high} {expected:?}"
            );
        }
    }
}

#[test]
fn wilson_is_that_of_scipy() {
    for row in rows(&golden("intervals")["wilson"]) {
        let interval = wilson(row[0] as u64, row[1] as u64, row[2]).unwrap();
        assert!(
            (interval.low - row[3]).abs() < 1e-12 && (interval.high - row[4]).abs() < 1e-12,
            "{interval:?}"
        );
    }
    assert_eq!(wilson(2, 1, 0.9).unwrap_err().to_string(), "2 hits of 1 trials");
    assert_eq!(wilson(0, 0, 0.9).unwrap_err().kind(), StatsErrorKind::TooFew);
}

#[test]
fn mc_nemar_is_the_binomial_test() {
    for row in rows(&golden("intervals")["mc_nemar"]) {
        let (only_first, only_second) = (row[0] as usize, row[1] as usize);
        let first: Vec<bool> = (0..only_first + only_second + 9).map(|row| row < only_first).collect();
        let second: Vec<bool> =
            (0..first.len()).map(|row| (only_first..only_first + only_second).contains(&row)).collect();
        let test = mc_nemar(&first, &second).unwrap();
        assert_eq!((test.only_first, test.only_second), (only_first as u64, only_second as u64));
        assert!(close(test.p_value, row[2]), "{test:?} {}", row[2]);
    }
    assert_eq!(mc_nemar(&[true; 4], &[true; 4]).unwrap().p_value, 1.0);
}

#[test]
fn delong_is_the_formula_over_all_pairs() {
    let case = &golden("intervals")["delong"];
    let truth: Vec<bool> = classes(&case["truth"]).into_iter().map(|truth| truth == 1).collect();
    let (first, second) = (numbers(&case["first"]), numbers(&case["second"]));
    let test = delong(&truth, &first, &second, 0.9).unwrap();
    let areas = numbers(&case["areas"]);
    assert!(close(test.first.estimate, areas[0]) && close(test.second.estimate, areas[1]));
    assert!(close(test.first.estimate - test.first.low, number(&case["half"][0])));
    assert!(close(test.second.estimate - test.second.low, number(&case["half"][1])));
    assert!(close(test.difference.high - test.difference.estimate, number(&case["difference_half"])));
    assert!(close(test.p_value, number(&case["p_value"])), "{test:?}");
    assert_eq!(delong(&truth, &first, &first, 0.9).unwrap().p_value, 1.0);
    assert_eq!(
        delong(&[true, false, false], &[1.0; 3], &[1.0; 3], 0.9).unwrap_err().kind(),
        StatsErrorKind::TooFew
    );
}

#[test]
fn resampled_t_is_the_formula() {
    let case = &golden("intervals")["resampled"];
    let sizes = (number(&case["train"]) as usize, number(&case["test"]) as usize);
    let test = corrected_resampled_t(&numbers(&case["differences"]), sizes, 0.95).unwrap();
    assert!(close(test.t, number(&case["t"])) && close(test.p_value, number(&case["p_value"])));
    let ends = numbers(&case["ends"]);
    assert!(close(test.difference.low, ends[0]) && close(test.difference.high, ends[1]));
    let same = corrected_resampled_t(&[0.0; 5], (8, 2), 0.95).unwrap();
    assert_eq!((same.t, same.p_value), (0.0, 1.0));
    assert_eq!(corrected_resampled_t(&[0.5; 5], (8, 2), 0.95).unwrap().p_value, 0.0);
    assert_eq!(corrected_resampled_t(&[0.1], (8, 2), 0.95).unwrap_err().kind(), StatsErrorKind::TooFew);
}

#[test]
fn bootstrap_agrees_with_theory() {
    let (truth, scores) = scored(900);
    let theory = delong(&truth, &scores, &scores, 0.95).unwrap().first;
    for method in [BootstrapMethod::Percentile, BootstrapMethod::Accelerated] {
        let area =
            Bootstrap { replicates: 2000, method, ..Bootstrap::default() }.auc(&truth, &scores).unwrap();
        assert_eq!(area.estimate, roc_auc(&truth, &scores).unwrap());
        assert!(
            (area.low - theory.low).abs() < 0.004 && (area.high - theory.high).abs() < 0.004,
            "{area:?} {theory:?}"
        );
    }
    let hits: Vec<u32> = (0..1000).map(|row| u32::from(row % 5 == 0)).collect();
    let accuracy = Bootstrap::default().accuracy(&hits, &[0; 1000]).unwrap();
    let theory = wilson(800, 1000, 0.95).unwrap();
    assert_eq!(accuracy.estimate, 0.8);
    assert!(
        (accuracy.low - theory.low).abs() < 0.005 && (accuracy.high - theory.high).abs() < 0.005,
        "{accuracy:?}"
    );
}

#[test]
fn bootstrap_knows_the_usual_figures() {
    let mut stream = Stream::new(6, Purpose::Folds, 0);
    let truth: Vec<f64> = (0..300).map(|_| stream.normal()).collect();
    let predicted: Vec<f64> = truth.iter().map(|value| value + 0.5 * stream.normal()).collect();
    let fit = Bootstrap::default().r_squared(&truth, &predicted).unwrap();
    assert!((fit.estimate - crate::r_squared(&truth, &predicted).unwrap()).abs() < 1e-12);
    assert!(fit.low > 0.6 && fit.low < fit.estimate && fit.estimate < fit.high && fit.high < 0.9, "{fit:?}");
    let squares: Vec<f64> = truth.iter().zip(&predicted).map(|(a, b)| (a - b).powi(2)).collect();
    let root = Bootstrap::default().root_mean(&squares).unwrap();
    assert!((root.estimate - crate::root_mean_squared_error(&truth, &predicted).unwrap()).abs() < 1e-12);
    let (truth, given): (Vec<u32>, Vec<u32>) =
        (0..300).map(|row| (row % 3, if row % 7 == 0 { 0 } else { row % 3 })).unzip();
    let f1 = Bootstrap::default().macro_f1(&truth, &given, 3).unwrap();
    let expected = crate::ClassReport::new(&truth, &given, 3).unwrap().macro_average().f1;
    assert!((f1.estimate - expected).abs() < 1e-12 && f1.low < expected && expected < f1.high);
}

#[test]
fn same_seed_gives_the_same_interval() {
    let (truth, scores) = scored(200);
    let run = |seed| Bootstrap { seed, ..Bootstrap::default() }.auc(&truth, &scores).unwrap();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn paired_differences_find_the_better_model() {
    let (truth, better) = scored(600);
    let mut stream = Stream::new(8, Purpose::Folds, 0);
    let worse: Vec<f64> = better.iter().map(|score| score + 1.5 * stream.normal()).collect();
    let bootstrap = Bootstrap::default();
    let found = bootstrap.paired_auc(&truth, &better, &worse).unwrap();
    let theory = delong(&truth, &better, &worse, 0.95).unwrap().difference;
    assert!(found.p_value < 0.01 && found.difference.low > 0.0);
    assert!(
        (found.difference.low - theory.low).abs() < 0.01
            && (found.difference.high - theory.high).abs() < 0.01
    );
    assert_eq!(bootstrap.paired_auc(&truth, &worse, &worse).unwrap().p_value, 1.0);
    let means = bootstrap.paired_means(&worse, &better).unwrap();
    assert!(means.p_value > 0.05 && means.difference.low < 0.0 && means.difference.high > 0.0, "{means:?}");
}

#[test]
fn figures_that_are_not_defined_are_refused() {
    let bootstrap = Bootstrap::default();
    assert_eq!(bootstrap.auc(&[true; 5], &[1.0; 5]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(bootstrap.mean(&[]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(bootstrap.mean(&[f64::NAN]).unwrap_err().row(), Some(0));
    assert_eq!(
        Bootstrap { replicates: 3, ..bootstrap }.mean(&[1.0]).unwrap_err().kind(),
        StatsErrorKind::TooFew
    );
    assert_eq!(
        Bootstrap { confidence: 1.0, ..bootstrap }.mean(&[1.0]).unwrap_err().kind(),
        StatsErrorKind::Setting
    );
    let rarely = bootstrap.statistic(50, |counts| counts.iter().all(|count| *count == 1).then_some(1.0));
    assert_eq!(
        rarely.unwrap_err().to_string(),
        "the figure is defined for 0 of 1000 replicates, expected more than half"
    );
    // A positive that is rarely drawn leaves some replicates without an area; the others do.
    let (mut truth, mut scores) = (vec![false; 30], vec![0.0; 30]);
    (truth[3], scores[3]) = (true, 1.0);
    let area = bootstrap.auc(&truth, &scores).unwrap();
    assert_eq!((area.low, area.high), (1.0, 1.0));
    let constant = bootstrap.mean(&[2.0; 10]).unwrap();
    assert_eq!((constant.low, constant.high), (2.0, 2.0));
}
