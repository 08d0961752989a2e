use super::*;
use crate::StatsErrorKind;
use crate::goldens::{classes, golden, number, numbers, rows};

const PLAIN: MutualInformation = MutualInformation { neighbours: 3, guard: false, seed: 0 };

enum Owned {
    Continuous(Vec<f64>),
    Discrete(Vec<u32>),
}

impl Owned {
    fn new(value: &serde_json::Value, is_discrete: bool) -> Self {
        if is_discrete { Self::Discrete(classes(value)) } else { Self::Continuous(numbers(value)) }
    }

    fn column(&self) -> Column<'_> {
        match self {
            Self::Continuous(values) => Column::Continuous(values),
            Self::Discrete(values) => Column::Discrete(values),
        }
    }
}

/// Compares every score of the goldens with ours: with scikit-learn's noise, and where there are no ties with
/// our own.
#[test]
fn scores_are_those_of_scikit_learn() {
    let mut compared = 0;
    for table in golden("mutual")["tables"].as_array().unwrap() {
        let target = Owned::new(&table["target"], !table["regression"].as_bool().unwrap());
        let has_ties = table["name"].as_str().unwrap().contains("ties") || table["name"] == "rare class";
        for case in table["cases"].as_array().unwrap() {
            let neighbours = number(&case["neighbours"]) as usize;
            let estimator = MutualInformation { neighbours, ..PLAIN };
            let of_target = numbers(&case["target_noise"]);
            for (place, noise) in rows(&case["noise"]).iter().enumerate() {
                let is_discrete = table["discrete"][place].as_bool().unwrap();
                let feature = Owned::new(&table["columns"][place], is_discrete);
                let expected = number(&case["scores"][place]);
                let given = estimator
                    .score_with_noise((feature.column(), noise), (target.column(), &of_target))
                    .unwrap();
                assert!(
                    (given.nats - expected).abs() < 1e-9,
                    "{} {place} {neighbours}: {given:?} {expected}",
                    table["name"]
                );
                if !has_ties {
                    let own = estimator.scores(&[feature.column()], target.column()).unwrap()[0];
                    assert!((own.nats - expected).abs() < 1e-9, "{place}: {own:?} {expected}");
                }
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 3 * (3 + 4 + 4 + 4 + 2));
}

#[test]
fn information_of_counts_is_that_of_scikit_learn() {
    for case in golden("mutual")["counts"].as_array().unwrap() {
        let (x, y) = (classes(&case["x"]), classes(&case["y"]));
        let expected = number(&case["nats"]);
        assert!((discrete_information(&x, &y) - expected).abs() < 1e-12);
        assert!((discrete_information(&y, &x) - expected).abs() < 1e-12);
    }
    assert_eq!(discrete_information(&[], &[]), 0.0);
}

#[test]
fn guard_keeps_scores_below_the_entropy_of_either_column() {
    let class: Vec<u32> = (0..2000).map(|row| u32::from(row < 4)).collect();
    let constant = vec![1.0; 2000];
    let (columns, target) = ([Column::Continuous(&constant)], Column::Discrete(&class));
    let bare = PLAIN.scores(&columns, target).unwrap()[0];
    let guarded = MutualInformation { guard: true, ..PLAIN }.scores(&columns, target).unwrap()[0];
    assert!(bare.nats >= 0.0 && bare.unguarded.is_none());
    assert_eq!(guarded.nats, 0.0);
    assert_eq!(guarded.unguarded.unwrap_or(0.0), bare.nats);
}

#[test]
fn edge_cases_have_a_score() {
    let score = |values: &[f64], class: &[u32]| {
        PLAIN.scores(&[Column::Continuous(values)], Column::Discrete(class)).unwrap()[0].nats
    };
    let nothing = 1e-14;
    assert_eq!(score(&[1.0, 2.0], &[0, 1]), 0.0);
    assert_eq!(score(&[1.0], &[0]), 0.0);
    assert!(score(&[1.0, 5.0, 2.0, 9.0], &[3; 4]) < nothing);
    assert!(score(&[4.0; 30], &[0; 30]) < nothing);
    // The class of one sample counts for nothing: all the others are of one class.
    assert!(score(&[1.0, 5.0, 2.0, 9.0], &[0, 0, 0, 1]) < nothing);
    // Two classes far apart: ψ(6) + ψ(2) − ψ(3) − ψ(2).
    let apart = score(&[1.0, 1.1, 1.3, 9.0, 9.1, 9.3], &[0, 0, 0, 1, 1, 1]);
    assert!((apart - (1.0 / 3.0 + 1.0 / 4.0 + 1.0 / 5.0)).abs() < nothing, "{apart}");
}

#[test]
fn refuses_what_cannot_be_measured() {
    let kind = |feature: &[f64], target: Column<'_>| {
        let error = PLAIN.scores(&[Column::Continuous(feature)], target).unwrap_err();
        assert!(error.column().is_none_or(|column| column == 0));
        error.kind()
    };
    assert_eq!(kind(&[1.0, f64::NAN], Column::Discrete(&[0, 1])), StatsErrorKind::Value);
    assert_eq!(kind(&[1.0, 2.0], Column::Continuous(&[0.0, f64::INFINITY])), StatsErrorKind::Value);
    assert_eq!(kind(&[1.0, 2.0], Column::Discrete(&[0])), StatsErrorKind::Shape);
    assert_eq!(kind(&[], Column::Discrete(&[])), StatsErrorKind::TooFew);
    assert_eq!(kind(&[1.0, 2.0, 3.0], Column::Continuous(&[1.0, 2.0, 3.0])), StatsErrorKind::TooFew);
    let none = MutualInformation { neighbours: 0, ..PLAIN };
    assert_eq!(
        none.scores(&[Column::Discrete(&[0])], Column::Discrete(&[0])).unwrap_err().kind(),
        StatsErrorKind::Setting
    );
}

#[test]
fn noise_depends_on_the_seed_and_nothing_else() {
    let class: Vec<u32> = (0..300).map(|row| row % 3).collect();
    let tied: Vec<f64> = (0..300).map(|row| f64::from(row % 7)).collect();
    let columns = vec![Column::Continuous(&tied); 9];
    let run = |seed| MutualInformation { seed, ..PLAIN }.scores(&columns, Column::Discrete(&class)).unwrap();
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    assert_eq!(
        run(1)[..4],
        MutualInformation { seed: 1, ..PLAIN }.scores(&columns[..4], Column::Discrete(&class)).unwrap()
    );
}
