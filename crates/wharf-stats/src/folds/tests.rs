use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::StatsErrorKind;
use crate::goldens::{classes, golden, number};

fn indices(value: &Value) -> Vec<usize> {
    classes(value).into_iter().map(|index| index as usize).collect()
}

/// Compares the test parts of each case with ours.
fn compare(kind: &str, split: impl Fn(KFold, &Value) -> Vec<Fold>) {
    let goldens = golden("folds");
    let cases = goldens[kind].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let folds = split(KFold::new(number(&case["folds"]) as usize), case);
        let expected: Vec<Vec<usize>> = case["parts"].as_array().unwrap().iter().map(indices).collect();
        let ours: Vec<Vec<usize>> = folds.iter().map(|fold| fold.test.clone()).collect();
        assert_eq!(ours, expected, "{kind}: {case}");
        folds.iter().for_each(|fold| assert_is_split(fold, ours.iter().map(Vec::len).sum()));
    }
}

fn assert_is_split(fold: &Fold, samples: usize) {
    let mut all = [fold.train.clone(), fold.test.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..samples).collect::<Vec<_>>());
    assert!(fold.train.is_sorted() && fold.test.is_sorted());
}

#[test]
fn folds_are_those_of_scikit_learn() {
    compare("plain", |folds, case| folds.split(number(&case["samples"]) as usize).unwrap());
    compare("stratified", |folds, case| folds.stratified(&classes(&case["classes"])).unwrap().folds);
    compare("grouped", |folds, case| folds.grouped(&classes(&case["groups"])).unwrap());
    compare("stratified_grouped", |folds, case| {
        folds.stratified_grouped(&classes(&case["classes"]), &classes(&case["groups"])).unwrap().folds
    });
}

#[test]
fn time_series_are_those_of_scikit_learn() {
    let goldens = golden("folds");
    for case in goldens["time"].as_array().unwrap() {
        let size = |key: &str| case[key].as_u64().map(|size| size as usize);
        let split = TimeSeriesSplit {
            folds: size("folds").unwrap(),
            test_size: size("test_size"),
            gap: size("gap").unwrap_or(0),
            longest_train: size("max_train_size"),
        };
        let folds = split.split(size("samples").unwrap()).unwrap();
        let part = |part: &Value| Fold { train: indices(&part[0]), test: indices(&part[1]) };
        assert_eq!(folds, case["parts"].as_array().unwrap().iter().map(part).collect::<Vec<_>>());
    }
}

#[test]
fn refuses_more_folds_than_can_be_filled() {
    let too_few = |result: Result<Vec<Fold>, StatsError>| {
        assert_eq!(result.unwrap_err().kind(), StatsErrorKind::TooFew)
    };
    too_few(KFold::new(4).split(3));
    too_few(KFold::new(3).grouped(&[1, 1, 2, 2]));
    too_few(KFold::new(3).stratified(&[0, 0, 1, 1]).map(|folds| folds.folds));
    too_few(KFold::new(3).stratified_grouped(&[0, 0, 1, 1], &[0, 1, 2, 3]).map(|folds| folds.folds));
    too_few(TimeSeriesSplit::new(4).split(4));
    too_few(TimeSeriesSplit { gap: 7, ..TimeSeriesSplit::new(3) }.split(10));
    assert_eq!(KFold::new(1).split(3).unwrap_err().kind(), StatsErrorKind::Setting);
    assert_eq!(KFold::new(2).repeated(4, 0, 0).unwrap_err().kind(), StatsErrorKind::Setting);
    let ragged = KFold::new(2).stratified_grouped(&[0, 0, 1, 1], &[0, 1]).unwrap_err();
    assert_eq!(ragged.to_string(), "groups has 2 rows, expected 4");
}

#[test]
fn rare_classes_give_a_warning() {
    let folds = KFold::new(3).stratified(&[0, 0, 0, 4, 4]).unwrap();
    assert_eq!(folds.warnings, [FoldWarning::RareClass { class: 4, samples: 2, folds: 3 }]);
    assert_eq!(folds.warnings[0].to_string(), "class 4 has 2 samples, fewer than the 3 folds");
    assert!(KFold::new(2).stratified(&[0, 0, 4, 4]).unwrap().warnings.is_empty());
    assert_eq!(KFold::new(3).repeated_stratified(&[0, 0, 0, 4, 4], 4, 1).unwrap().warnings.len(), 1);
}

#[test]
fn repetitions_differ_and_come_again() {
    let folds = |seed| KFold::new(5).repeated(50, 3, seed).unwrap();
    assert_eq!(folds(1).len(), 15);
    assert_eq!(folds(1), folds(1));
    assert_ne!(folds(1)[0], folds(1)[5]);
    assert_ne!(folds(1)[0], folds(2)[0]);
}

#[test]
fn groups_are_held_out_whole() {
    let groups: Vec<u32> = (0..100).map(|row| row * 7 % 23).collect();
    for seed in 0..20 {
        let fold = HoldOut { share: 0.2, seed }.grouped(&groups).unwrap();
        assert_is_split(&fold, 100);
        assert!((15..=30).contains(&fold.test.len()), "{}", fold.test.len());
        assert!(fold.test.iter().all(|row| fold.train.iter().all(|other| groups[*row] != groups[*other])));
    }
    // One group is nearly everything: the other is held out, whatever comes first.
    let lopsided: Vec<u32> = (0..100).map(|row| u32::from(row > 96)).collect();
    for seed in 0..10 {
        assert_eq!(HoldOut { share: 0.2, seed }.grouped(&lopsided).unwrap().test.len(), 3);
    }
    assert_eq!(HoldOut { share: 0.5, seed: 0 }.grouped(&[1; 9]).unwrap_err().kind(), StatsErrorKind::TooFew);
}

#[test]
fn the_latest_are_held_out_with_those_of_the_same_time() {
    let fold = HoldOut { share: 0.4, seed: 0 }.by_time(&[3.0, 1.0, 2.0, 3.0, 3.0]).unwrap();
    assert_eq!((fold.train, fold.test), (vec![1, 2], vec![0, 3, 4]));
    let error = HoldOut { share: 0.4, seed: 0 }.by_time(&[3.0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "0 samples in the part to fit on, expected at least 1");
    assert_eq!(HoldOut { share: 1.0, seed: 0 }.split(5).unwrap_err().kind(), StatsErrorKind::Setting);
    assert_eq!(HoldOut { share: 0.99, seed: 0 }.split(5).unwrap_err().kind(), StatsErrorKind::TooFew);
}

fn per_class(fold: &Fold, classes: &[u32], class: u32) -> usize {
    fold.test.iter().filter(|row| classes[**row] == class).count()
}

proptest! {
    #[test]
    fn shuffled_folds_are_even(samples in 6_usize..200, folds in 2_usize..7, seed: u64) {
        let split = KFold::new(folds.min(samples)).shuffled(seed).split(samples).unwrap();
        split.iter().for_each(|fold| assert_is_split(fold, samples));
        let sizes: Vec<usize> = split.iter().map(|fold| fold.test.len()).collect();
        prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
        prop_assert_eq!(sizes.iter().sum::<usize>(), samples);
    }

    #[test]
    fn stratified_folds_are_even_in_every_class(
        classes in prop::collection::vec(0_u32..4, 30..150), folds in 2_usize..6, seed: u64,
    ) {
        for folds in [KFold::new(folds), KFold::new(folds).shuffled(seed)] {
            let split = folds.stratified(&classes).unwrap().folds;
            split.iter().for_each(|fold| assert_is_split(fold, classes.len()));
            for class in 0..4 {
                let counts: Vec<usize> = split.iter().map(|fold| per_class(fold, &classes, class)).collect();
                prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1);
            }
            let renamed: Vec<u32> = classes.iter().map(|class| 9 - class).collect();
            prop_assert_eq!(&split, &folds.stratified(&renamed).unwrap().folds);
        }
    }

    #[test]
    fn groups_never_straddle(groups in prop::collection::vec(0_u32..9, 40..120), seed: u64) {
        let classes: Vec<u32> = (0..groups.len() as u32).map(|row| row % 2).collect();
        let folds = KFold::new(2).shuffled(seed);
        let splits = [folds.grouped(&groups).unwrap(), folds.stratified_grouped(&classes, &groups).unwrap().folds];
        for fold in splits.iter().flatten() {
            assert_is_split(fold, groups.len());
            prop_assert!(fold.test.iter().all(|row| fold.train.iter().all(|other| groups[*row] != groups[*other])));
        }
    }

    #[test]
    fn strata_are_held_out_in_proportion(
        classes in prop::collection::vec(0_u32..4, 10..150), share in 0.1_f64..0.8, seed: u64,
    ) {
        let fold = HoldOut { share, seed }.stratified(&classes).unwrap();
        assert_is_split(&fold, classes.len());
        let size = (share * classes.len() as f64).ceil();
        prop_assert_eq!(fold.test.len(), size as usize);
        for class in 0..4 {
            let members = classes.iter().filter(|other| **other == class).count() as f64;
            let exact = members * size / classes.len() as f64;
            prop_assert!((per_class(&fold, &classes, class) as f64 - exact).abs() < 1.0);
        }
    }
}
