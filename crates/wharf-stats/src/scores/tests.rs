use super::*;
use crate::goldens::{classes, golden, number, numbers, rows};
use crate::{StatsError, StatsErrorKind, discrete_information};

fn close(ours: f64, theirs: f64) -> bool {
    (ours - theirs).abs() <= 1e-9 * theirs.abs()
}

/// Compares a test with scikit-learn's for every column: statistic and p-value to 1e-9, relative.
fn compare(kind: &str, test: impl Fn(&[f64]) -> Result<TestScore, StatsError>) {
    let goldens = golden("scores");
    for (column, expected) in rows(&goldens["columns"]).iter().zip(rows(&goldens["tests"][kind])) {
        let ours = test(column).unwrap();
        assert!(
            close(ours.statistic, expected[0]) && close(ours.p_value, expected[1]),
            "{kind}: {ours:?} {expected:?}"
        );
    }
}

#[test]
fn tests_are_those_of_scikit_learn() {
    let goldens = golden("scores");
    let (class, value) = (classes(&goldens["classes"]), numbers(&goldens["numbers"]));
    compare("f_classification", |column| f_classification(column, &class));
    compare("f_regression", |column| f_regression(column, &value));
    compare("chi_squared", |column| {
        chi_squared(&column.iter().map(|value| value.abs()).collect::<Vec<_>>(), &class)
    });
}

#[test]
fn constant_columns_score_nothing_and_decisive_ones_everything() {
    let nothing = TestScore { statistic: 0.0, p_value: 1.0 };
    let everything = TestScore { statistic: f64::INFINITY, p_value: 0.0 };
    let class = [0, 0, 1, 1];
    // The mean of tenths is not exact: what is left of the squares is rounding.
    assert_eq!(f_classification(&[0.1; 4], &class), Ok(nothing));
    assert_eq!(f_classification(&[1.0, 2.0, 3.0, 4.0], &[7; 4]), Ok(nothing));
    assert_eq!(f_classification(&[0.1, 0.1, 0.7, 0.7], &class), Ok(everything));
    assert_eq!(f_regression(&[0.1; 4], &[1.0, 2.0, 3.0, 5.0]), Ok(nothing));
    assert_eq!(f_regression(&[1.0, 2.0, 3.0, 5.0], &[0.5; 4]), Ok(nothing));
    assert_eq!(f_regression(&[1.0, 2.0, 3.0, 5.0], &[10.1, 10.2, 10.3, 10.5]), Ok(everything));
    assert_eq!(chi_squared(&[0.0; 4], &class), Ok(nothing));
    assert_eq!(chi_squared(&[1.0; 4], &[2; 4]), Ok(nothing));
}

#[test]
fn tests_refuse_what_they_are_not_defined_for() {
    assert_eq!(chi_squared(&[1.0, -1.0], &[0, 1]).unwrap_err().kind(), StatsErrorKind::Value);
    assert_eq!(f_classification(&[1.0, f64::NAN], &[0, 0]).unwrap_err().kind(), StatsErrorKind::Value);
    assert_eq!(f_classification(&[1.0, 2.0], &[0, 1]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(f_regression(&[1.0, 2.0], &[0.0, 1.0]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(f_regression(&[1.0, 2.0], &[0.0]).unwrap_err().kind(), StatsErrorKind::Shape);
    assert_eq!(information_gain(&[], &[]).unwrap_err().kind(), StatsErrorKind::TooFew);
    assert_eq!(best_threshold(&[f64::INFINITY], &[0]).unwrap_err().kind(), StatsErrorKind::Value);
    assert_eq!(discretise_mdl(&[1.0], &[0, 1]).unwrap_err().kind(), StatsErrorKind::Shape);
}

#[test]
fn gain_is_information_in_bits() {
    let (feature, target) =
        ([0, 0, 1, 2, 2, 2, 1, 0, 0, 2, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 0]);
    let gain = information_gain(&feature, &target).unwrap();
    assert!((gain.target_entropy - 0.940286).abs() < 1e-6);
    assert!(close(gain.gain * std::f64::consts::LN_2, discrete_information(&feature, &target)));
    let constant = information_gain(&[3; 14], &target).unwrap();
    assert_eq!((constant.gain, constant.split, constant.ratio), (0.0, 0.0, 0.0));
}

#[test]
fn cuts_are_those_of_a_plain_search() {
    let goldens = golden("scores");
    let class = classes(&goldens["classes"]);
    for (place, column) in rows(&goldens["columns"]).iter().enumerate() {
        let best = best_threshold(column, &class).unwrap().unwrap();
        let expected = numbers(&goldens["thresholds"][place]);
        assert!(close(best.value, expected[0]) && close(best.gain.gain, expected[1]), "column {place}");
        let (cuts, expected) = (discretise_mdl(column, &class).unwrap(), numbers(&goldens["cuts"][place]));
        assert_eq!(cuts.len(), expected.len(), "column {place}");
        assert!(cuts.iter().zip(&expected).all(|(ours, theirs)| close(*ours, *theirs)), "column {place}");
    }
}

#[test]
fn missing_values_take_their_share_of_the_gain() {
    let whole = best_threshold(&[1.0, 2.0, 3.0, 4.0], &[0, 0, 1, 1]).unwrap().unwrap();
    assert_eq!((whole.value, whole.gain.gain, whole.gain.ratio), (2.5, 1.0, 1.0));
    let nan = f64::NAN;
    let half = best_threshold(&[1.0, nan, 2.0, nan, nan, 3.0, 4.0, nan], &[0, 1, 0, 0, 1, 1, 1, 0])
        .unwrap()
        .unwrap();
    assert_eq!((half.value, half.gain.gain, half.gain.split), (2.5, 0.5, 1.0));
    assert_eq!(best_threshold(&[nan, nan], &[0, 1]), Ok(None));
    assert_eq!(best_threshold(&[5.0, 5.0], &[0, 1]), Ok(None));
    assert_eq!(best_threshold(&[], &[]), Ok(None));
    assert_eq!(discretise_mdl(&[nan, 1.0], &[0, 1]), Ok(vec![]));
}

#[test]
fn thresholds_separate_values_that_touch() {
    let (low, high) = (1.0_f64, 1.0_f64.next_up());
    let best = best_threshold(&[low, low, high, high], &[0, 0, 1, 1]).unwrap().unwrap();
    assert!(low <= best.value && best.value < high);
    let far = best_threshold(&[-f64::MAX, f64::MAX], &[0, 1]).unwrap().unwrap();
    assert!(-f64::MAX <= far.value && far.value < f64::MAX);
}

#[test]
fn selection_breaks_ties_by_column() {
    let scores = [1.0, f64::NAN, 3.0, 1.0, 0.0, 1.0];
    assert_eq!(select_best(&scores, 2), [0, 2]);
    assert_eq!(select_best(&scores, 5), [0, 2, 3, 4, 5]);
    assert_eq!(select_best(&scores, 9).len(), 6);
    assert_eq!(select_best(&[-0.0, 0.0], 1), [0]);
    assert_eq!(select_above(&scores, 0.5), [0, 2, 3, 5]);
    assert!(select_percentile(&scores, 101.0).is_err());
    assert_eq!(select_percentile(&scores, 100.0).unwrap().len(), 6);
    for case in golden("scores")["percentiles"].as_array().unwrap() {
        let kept = select_percentile(&numbers(&case["scores"]), number(&case["percent"])).unwrap();
        assert_eq!(
            kept.iter().map(|column| *column as u32).collect::<Vec<_>>(),
            classes(&case["kept"]),
            "{case}"
        );
    }
}

#[test]
fn shuffling_the_column_that_matters_costs_the_score() {
    let values = [(0..50).collect::<Vec<usize>>(), (0..50).map(|row| row * 7 % 50).collect()];
    // A model that looks at column 0 alone: the share of rows whose value is unchanged.
    let score = |column: usize, order: &[usize]| {
        let same = (0..50).filter(|row| column != 0 || values[0][order[*row]] == values[0][*row]).count();
        Ok::<f64, StatsError>(same as f64 / 50.0)
    };
    let measure = PermutationImportance { repeats: 5, seed: 3 };
    let importance = measure.measure(2, 50, 1.0, score).unwrap();
    assert!(importance[0].mean > 0.9 && importance[0].losses.len() == 5);
    assert_eq!((importance[1].mean, importance[1].deviation), (0.0, 0.0));
    assert_eq!(measure.measure(2, 50, 1.0, score).unwrap(), importance);
    let failing = |_: usize, _: &[usize]| Err::<f64, _>(StatsError::setting("broken"));
    assert_eq!(measure.measure(2, 50, 1.0, failing).unwrap_err().to_string(), "broken");
    assert!(PermutationImportance { repeats: 0, seed: 0 }.measure(1, 1, 0.0, failing).is_err());
}
