//! Whole runs over small tables.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wharf_tabular::{
    TableEvent, TableOptions, TableOutcome, TableRecipe, TableTask, TabularErrorKind, Trial, train,
};

const RECIPE: &str = r#"
name = "people"
[data]
path = "people.csv"
target = "rich"
[validation]
folds = 3
[search]
trials = 5
[[candidates]]
kind = "logistic"
[[candidates]]
kind = "gradient_boosting"
trees = 20
"#;

/// People who are rich where they are old or a baker, with some noise, some values missing.
fn people(rows: usize) -> String {
    let mut text = "age,job,hours,rich\n".to_owned();
    for row in 0..rows {
        let (age, noise) = (18 + row * 37 % 60, row * 7919 % 100);
        let job = ["baker", "cook", "smith"][row * 13 % 3];
        let is_rich = (age > 50 || job == "baker") != (noise < 8);
        let age = if row % 11 == 5 { String::new() } else { age.to_string() };
        let hours = 20 + row * 31 % 40;
        writeln!(text, "{age},{job},{hours},{}", if is_rich { "yes" } else { "no" }).unwrap();
    }
    text
}

fn options(folder: &Path) -> TableOptions {
    TableOptions::new(&folder.join("run"))
}

fn run(folder: &Path, recipe: &str) -> TableOutcome {
    let recipe = TableRecipe::parse(recipe, folder).unwrap();
    train(&recipe, options(folder), &mut |_: &TableEvent| ()).unwrap().unwrap()
}

fn failure(folder: &Path, recipe: &str) -> (TabularErrorKind, String) {
    let recipe = TableRecipe::parse(recipe, folder).unwrap();
    let error = train(&recipe, options(folder), &mut |_: &TableEvent| ()).unwrap_err();
    (error.kind(), error.to_string())
}

fn with(table: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("people.csv"), table).unwrap();
    folder
}

/// All of a trial but the time it took.
fn timeless(trials: &[Trial]) -> Vec<Trial> {
    trials.iter().map(|trial| Trial { seconds: 0.0, ..trial.clone() }).collect()
}

#[test]
fn a_table_is_learned_and_evaluated_on_rows_that_were_held_out() {
    let folder = with(&people(600));
    let outcome = run(folder.path(), RECIPE);
    assert_eq!((outcome.task, outcome.trials.len()), (TableTask::Classification, 5));
    assert_eq!(outcome.chosen.labels, ["no", "yes"]);
    assert_eq!((outcome.rows, outcome.evaluation.rows), (480, 120));
    assert!(outcome.evaluation.score > 0.85, "{:?}", outcome.evaluation);
    let [low, high] = outcome.evaluation.interval.unwrap();
    assert!(low < outcome.evaluation.score && outcome.evaluation.score < high);
    for file in
        ["recipe.toml", "config.json", "status.json", "evaluation.json", "leaderboard.json", "report.html"]
    {
        assert!(folder.path().join("run").join(file).is_file(), "{file} is missing");
    }
}

#[test]
fn numbers_are_learned_with_features_that_were_chosen_within_the_folds() {
    let mut table = "x,y,noise,sum\n".to_owned();
    for row in 0..400 {
        let (x, y) = (f64::from(row * 37 % 101) / 10.0, f64::from(row * 53 % 97) / 10.0);
        writeln!(table, "{x},{y},{},{}", row * 71 % 89, 3.0 * x - y + f64::from(row % 5) / 10.0).unwrap();
    }
    let folder = with(&table);
    let recipe = r#"
        name = "sum"
        [data]
        path = "people.csv"
        target = "sum"
        [selection]
        score = "anova_f"
        keep = 2
        [search]
        trials = 2
        [[candidates]]
        kind = "ridge"
    "#;
    let outcome = run(folder.path(), recipe);
    assert_eq!(outcome.task, TableTask::Regression);
    assert!(outcome.evaluation.score > 0.99, "{:?}", outcome.evaluation);
    assert_eq!(outcome.chosen.program.feature_names(), ["x", "y"]);
    assert_eq!(outcome.chosen.program.columns.len(), 3, "what was not chosen is still taken");
    assert_eq!(outcome.scores.unwrap().len(), 3);
}

#[test]
fn a_run_that_was_stopped_goes_on_as_if_it_had_not_been() {
    let whole = with(&people(300));
    let expected = run(whole.path(), RECIPE);
    for stopped_after in 1..5 {
        let folder = with(&people(300));
        let stop = Arc::new(AtomicBool::new(false));
        let recipe = TableRecipe::parse(RECIPE, folder.path()).unwrap();
        let mut watch = |event: &TableEvent| {
            if let TableEvent::Trial { trial, .. } = event {
                stop.store(trial.number == stopped_after, Ordering::Relaxed);
            }
        };
        let stopped = train(&recipe, options(folder.path()).with_stop(stop.clone()), &mut watch).unwrap();
        assert!(stopped.is_none());
        let resumed = options(folder.path()).with_resume(true);
        let outcome = train(&recipe, resumed, &mut |_: &TableEvent| ()).unwrap().unwrap();
        assert_eq!(timeless(&outcome.trials), timeless(&expected.trials));
        assert_eq!(outcome.chosen.fitted, expected.chosen.fitted);
    }
}

#[test]
fn any_number_of_threads_gives_the_same_model() {
    let folders = [with(&people(300)), with(&people(300))];
    let outcomes = [1, 3].map(|threads| {
        let folder = folders[threads / 2].path();
        let recipe = TableRecipe::parse(RECIPE, folder).unwrap();
        let options = options(folder).with_threads(threads);
        train(&recipe, options, &mut |_: &TableEvent| ()).unwrap().unwrap()
    });
    assert_eq!(outcomes[0].chosen.fitted, outcomes[1].chosen.fitted);
    assert_eq!(outcomes[0].evaluation, outcomes[1].evaluation);
}

/// Features are chosen within the folds: of thousands that mean nothing some fit the rows they were chosen by, and
/// none of the others.
#[test]
fn labels_drawn_at_random_are_not_predicted() {
    let (rows, features) = (120_u64, 1000_u64);
    // A generator that mixes its place: what it gives for one place says nothing about another.
    let mix = |place: u64| {
        let mut x = place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let mut table = (0..features).map(|i| format!("f{i},")).collect::<String>() + "label\n";
    for row in 0..rows {
        let cells = (0..features).map(|i| format!("{},", mix(row * features + i) % 1000));
        writeln!(table, "{}{}", cells.collect::<String>(), ["a", "b"][(mix(row + (1 << 40)) % 2) as usize])
            .unwrap();
    }
    let folder = with(&table);
    let recipe = r#"
        name = "chance"
        [data]
        path = "people.csv"
        target = "label"
        [selection]
        score = "anova_f"
        keep = 20
        [search]
        trials = 1
        [[candidates]]
        kind = "logistic"
    "#;
    let outcome = run(folder.path(), recipe);
    let mean = outcome.leaders[0].mean;
    assert!((0.3..0.7).contains(&mean), "{mean}");
}

#[test]
fn what_cannot_be_learned_from_is_named() {
    let good = people(60);
    let header_alone = "age,job,hours,rich\n";
    let one_class = good.replace(",no\n", ",yes\n");
    let ragged = good.replacen("baker,", "baker,1,", 1);
    let no_target = good.replacen(",no\n", ",\n", 1);
    let alone = "rich\nyes\nno\nyes\nno\n";
    for (table, from, to, kind, expected) in [
        (
            good.as_str(),
            "target = \"rich\"",
            "target = \"rch\"",
            TabularErrorKind::Data,
            "did you mean `rich`",
        ),
        (one_class.as_str(), "", "", TabularErrorKind::Data, "the one class `yes`, expected at least 2"),
        (ragged.as_str(), "", "", TabularErrorKind::Data, "line "),
        (no_target.as_str(), "", "", TabularErrorKind::Data, "target `rich` is missing in 1 rows"),
        (alone, "", "", TabularErrorKind::Data, "the target is the only column"),
        (header_alone, "", "", TabularErrorKind::Data, "people.csv"),
        (good.as_str(), "folds = 3", "folds = 50", TabularErrorKind::Recipe, "validation"),
        (
            good.as_str(),
            "kind = \"logistic\"",
            "kind = \"ridge\"",
            TabularErrorKind::Recipe,
            "cannot learn this target",
        ),
        (
            good.as_str(),
            "name = \"people\"",
            "name = \"people\"\nmetric = \"r2\"",
            TabularErrorKind::Recipe,
            "does not judge this target",
        ),
    ] {
        let folder = with(table);
        let (actual, message) = failure(folder.path(), &RECIPE.replace(from, to));
        assert!(actual == kind && message.contains(expected), "{actual:?}: {message}");
        assert!(!folder.path().join("run/status.json").exists(), "half a run is left: {message}");
    }
}
