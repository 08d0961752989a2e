use serde_json::Value;

use super::*;
use crate::StatsErrorKind;
use crate::goldens::{classes, golden, number, numbers};

fn cases(kind: &str) -> Vec<Value> {
    let cases = golden("metrics")[kind].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn flags(value: &Value) -> Vec<bool> {
    classes(value).into_iter().map(|flag| flag == 1).collect()
}

fn assert_close(ours: f64, theirs: &Value) {
    let theirs = number(theirs);
    assert!((ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0), "{ours} {theirs}");
}

fn assert_averages(ours: Averages, theirs: &Value) {
    assert_close(ours.precision, &theirs[0]);
    assert_close(ours.recall, &theirs[1]);
    assert_close(ours.f1, &theirs[2]);
}

#[test]
fn class_scores_are_those_of_scikit_learn() {
    for case in cases("classes") {
        let (truth, predicted) = (classes(&case["truth"]), classes(&case["predicted"]));
        let report = ClassReport::new(&truth, &predicted, 5).unwrap();
        assert_close(report.accuracy(), &case["accuracy"]);
        assert_close(accuracy(&truth, &predicted).unwrap(), &case["accuracy"]);
        assert_close(report.balanced_accuracy(), &case["balanced"]);
        assert_averages(report.macro_average(), &case["macro"]);
        assert_averages(report.weighted_average(), &case["weighted"]);
        for (class, expected) in report.classes.iter().zip(case["per_class"].as_array().unwrap()) {
            assert_close(class.precision, &expected[0]);
            assert_close(class.recall, &expected[1]);
            assert_close(class.f1, &expected[2]);
            assert_eq!(class.support as f64, number(&expected[3]));
        }
    }
}

#[test]
fn areas_are_those_of_scikit_learn() {
    for case in cases("binary") {
        let (truth, scores) = (flags(&case["truth"]), numbers(&case["scores"]));
        assert_close(roc_auc(&truth, &scores).unwrap(), &case["auc"]);
        assert_close(average_precision(&truth, &scores).unwrap(), &case["average_precision"]);
        let reversed: Vec<f64> = scores.iter().map(|score| -score).collect();
        assert!((roc_auc(&truth, &reversed).unwrap() + number(&case["auc"]) - 1.0).abs() < 1e-12);
    }
    assert_eq!(roc_auc(&[true, false], &[0.0, -0.0]), Ok(0.5));
    assert_eq!(roc_auc(&[true, false], &[f64::INFINITY, 1.0]), Ok(1.0));
}

#[test]
fn probability_scores_are_those_of_scikit_learn() {
    for case in cases("probabilities") {
        let (truth, shares) = (classes(&case["truth"]), numbers(&case["shares"]));
        let kinds = number(&case["classes"]) as usize;
        assert_close(log_loss(&truth, &shares, kinds).unwrap(), &case["log_loss"]);
        let summed = brier_multi_class(&truth, &shares, kinds).unwrap();
        if kinds == 2 {
            let positive: Vec<f64> = shares.iter().skip(1).step_by(2).copied().collect();
            let truth: Vec<bool> = truth.iter().map(|class| *class == 1).collect();
            assert_close(brier(&truth, &positive).unwrap(), &case["brier"]);
            assert_close(summed / 2.0, &case["brier"]);
        } else {
            assert_close(summed, &case["brier_sum"]);
            assert_close(roc_auc_one_vs_rest(&truth, &shares, kinds).unwrap(), &case["auc"]);
        }
    }
}

#[test]
fn regression_scores_are_those_of_scikit_learn() {
    let case = &golden("metrics")["regression"];
    let (truth, predicted) = (numbers(&case["truth"]), numbers(&case["predicted"]));
    assert_close(r_squared(&truth, &predicted).unwrap(), &case["r2"]);
    assert_close(mean_absolute_error(&truth, &predicted).unwrap(), &case["mae"]);
    assert_close(mean_squared_error(&truth, &predicted).unwrap(), &case["mse"]);
    assert_close(root_mean_squared_error(&truth, &predicted).unwrap(), &case["rmse"]);
    assert_close(mean_absolute_percentage_error(&truth, &predicted).unwrap(), &case["mape"]);
    assert_eq!(
        (r_squared(&[2.0, 2.0], &[2.0, 2.0]), r_squared(&[2.0, 2.0], &[2.0, 3.0])),
        (Ok(1.0), Ok(0.0))
    );
}

#[test]
fn rankings_are_those_of_scikit_learn() {
    for case in cases("rankings") {
        let (relevance, scores) = (numbers(&case["relevance"]), numbers(&case["scores"]));
        assert_close(ndcg(&relevance, &scores, number(&case["first"]) as usize).unwrap(), &case["ndcg"]);
    }
    assert_eq!(ndcg(&[0.0, 0.0], &[1.0, 2.0], 2), Ok(0.0));
    // The second query is ranked upside down: its relevant item comes second.
    let upside_down = 1.0 / 3.0_f64.log2();
    let mean = mean_ndcg(&[7, 2, 7, 2], &[1.0, 1.0, 0.0, 0.0], &[0.9, 0.1, 0.3, 0.5], 2).unwrap();
    assert!((mean - (1.0 + upside_down) / 2.0).abs() < 1e-12);
}

#[test]
fn label_scores_are_those_of_scikit_learn() {
    let case = &golden("metrics")["labels"];
    let (truth, predicted) = (flags(&case["truth"]), flags(&case["predicted"]));
    let report = multi_label(&truth, &predicted, 4).unwrap();
    assert_close(report.macro_average.f1, &case["macro"]);
    assert_close(report.micro_average.f1, &case["micro"]);
    assert_close(report.samples_f1, &case["samples"]);
    assert_close(report.hamming_loss, &case["hamming"]);
    assert_close(report.exact, &case["exact"]);
}

#[test]
fn bad_input_is_refused_by_row() {
    assert_eq!(
        roc_auc(&[true, true], &[0.1, 0.2]).unwrap_err().to_string(),
        "0 negative samples, expected at least 1"
    );
    assert_eq!(average_precision(&[false], &[0.1]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(roc_auc(&[true, false], &[0.1, f64::NAN]).unwrap_err().row(), Some(1));
    assert_eq!(log_loss(&[0, 2], &[0.5; 4], 2).unwrap_err().row(), Some(1));
    let error = log_loss(&[0, 1], &[0.5, 0.5, 1.5, 0.5], 2).unwrap_err();
    assert_eq!(error.to_string(), "probability is 1.5 in row 1, expected 0 to 1");
    assert_eq!(roc_auc_one_vs_rest(&[0, 0], &[0.5; 4], 2).unwrap_err().column(), Some(0));
    assert_eq!(accuracy(&[], &[]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(ClassReport::new(&[0, 5], &[0, 0], 2).unwrap_err().row(), Some(1));
    assert_eq!(r_squared(&[1.0], &[1.0]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(mean_absolute_error(&[1.0, f64::NAN], &[1.0, 1.0]).unwrap_err().row(), Some(1));
    assert_eq!(multi_label(&[true; 5], &[true; 5], 2).unwrap_err().kind(), StatsErrorKind::Shape);
    assert_eq!(ndcg(&[1.0], &[1.0], 0).unwrap_err().kind(), StatsErrorKind::Setting);
}
