//! The search as a whole: against random proposals, across threads of questions, and after crashes at every byte.

use serde_json::json;

use super::*;
use crate::{Estimator, LearnErrorKind};

fn float(low: f64, high: f64) -> Dimension {
    Dimension::float(low, high, false).unwrap()
}

fn mixed() -> Space {
    Space::new()
        .with("depth", Dimension::integer(1, 64, true).unwrap())
        .with("rate", Dimension::float(1e-4, 1.0, true).unwrap())
        .with("rule", Dimension::choice(vec![json!("a"), json!("b"), json!("c")]).unwrap())
}

fn settings(space: Space, strategy: Strategy, seed: u64) -> SearchSettings {
    SearchSettings { space, strategy, first: Vec::new(), seed, halving: None }
}

fn number(trial: &Trial, name: &str) -> f64 {
    trial.parameters[name].as_f64().unwrap()
}

fn run(trial: Proposal) -> Trial {
    match trial {
        Proposal::Run(trial) => trial,
        other => panic!("{other:?}, expected a trial"),
    }
}

/// Branin's function, whose least value is 0.397887.
fn branin(x: f64, y: f64) -> f64 {
    use std::f64::consts::PI;
    let inner = y - 5.1 / (4.0 * PI * PI) * x * x + 5.0 / PI * x - 6.0;
    inner * inner + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * x.cos() + 10.0
}

fn best_of_branin(strategy: Strategy, seed: u64) -> f64 {
    let space = Space::new().with("x", float(-5.0, 10.0)).with("y", float(0.0, 15.0));
    let mut search = Search::new(settings(space, strategy, seed)).unwrap();
    for _ in 0..80 {
        let trial = run(search.ask());
        search.tell(trial.id, Some(branin(number(&trial, "x"), number(&trial, "y")))).unwrap();
    }
    search.best().unwrap().1
}

#[test]
fn densities_beat_chance_at_the_same_budget() {
    let seeds = 0..20;
    let mean = |strategy: &Strategy| {
        seeds.clone().map(|seed| best_of_branin(strategy.clone(), seed)).sum::<f64>() / 20.0
    };
    let (random, tpe) = (mean(&Strategy::Random), mean(&Strategy::Tpe { startup: 10 }));
    let wins = seeds
        .clone()
        .filter(|&seed| {
            best_of_branin(Strategy::Tpe { startup: 10 }, seed) < best_of_branin(Strategy::Random, seed)
        })
        .count();
    assert!(tpe < 0.75 * random && wins >= 13, "tpe {tpe}, random {random}, {wins} wins");
}

#[test]
fn proposals_stay_within_their_ranges_and_choices_are_learned() {
    let mut search = Search::new(settings(mixed(), Strategy::Tpe { startup: 5 }, 3)).unwrap();
    let mut rules = 0;
    for asked in 0..80 {
        let trial = run(search.ask());
        let (depth, rate) = (number(&trial, "depth"), number(&trial, "rate"));
        assert!((1.0..=64.0).contains(&depth) && depth.fract() == 0.0 && (1e-4..=1.0).contains(&rate));
        let right = trial.parameters["rule"] == "b";
        rules += usize::from(asked >= 40 && right);
        search.tell(trial.id, Some(f64::from(!right) + (rate.ln() + 4.0).abs())).unwrap();
    }
    assert!(rules > 25, "{rules}");
}

#[test]
fn a_grid_has_every_combination_once() {
    let space = Space::new()
        .with("a", Dimension::choice(vec![json!(true), json!(false)]).unwrap())
        .with("b", Dimension::integer(1, 2, false).unwrap())
        .with("c", Dimension::float(0.01, 100.0, true).unwrap());
    let mut search = Search::new(settings(space, Strategy::Grid { values: 3 }, 0)).unwrap();
    let mut seen = Vec::new();
    while let Proposal::Run(trial) = search.ask() {
        assert!(!seen.contains(&trial.parameters));
        seen.push(trial.parameters);
    }
    assert_eq!((seen.len(), search.ask()), (12, Proposal::Done));
    assert_eq!(
        seen[1],
        Assignment::from([("a".into(), json!(true)), ("b".into(), json!(1)), ("c".into(), json!(1.0))])
    );
}

#[test]
fn halving_gives_more_to_the_better() {
    let halving = Some(Halving { trials: 9, first: 1.0 / 9.0, factor: 3 });
    let space = Space::new().with("x", float(0.0, 1.0));
    let mut search = Search::new(SearchSettings { halving, ..settings(space, Strategy::Random, 1) }).unwrap();
    let first: Vec<Trial> = (0..9).map(|_| run(search.ask())).collect();
    assert_eq!(search.ask(), Proposal::Wait);
    for trial in &first {
        let loss = (trial.id != 4).then(|| number(trial, "x"));
        search.tell(trial.id, loss).unwrap();
    }
    let second: Vec<Trial> = (0..3).map(|_| run(search.ask())).collect();
    let mut losses: Vec<f64> =
        first.iter().filter(|trial| trial.id != 4).map(|trial| number(trial, "x")).collect();
    losses.sort_by(f64::total_cmp);
    assert_eq!(second.iter().map(|trial| number(trial, "x")).collect::<Vec<_>>(), losses[..3]);
    assert!(second.iter().all(|trial| trial.rung == 1 && (trial.resource - 1.0 / 3.0).abs() < 1e-12));
    assert_eq!(search.ask(), Proposal::Wait);
    second.iter().for_each(|trial| search.tell(trial.id, Some(number(trial, "x"))).unwrap());
    let last = run(search.ask());
    assert_eq!((last.rung, last.resource, last.configuration), (2, 1.0, second[0].configuration));
    search.tell(last.id, Some(5.0)).unwrap();
    let next = run(search.ask());
    assert_eq!((next.rung, next.configuration), (0, 9));
    assert_eq!(search.best().unwrap().0.id, last.id);
}

#[test]
fn halving_of_a_small_grid_and_of_failures_ends() {
    for (first, fails) in [(0.25, false), (0.25, true), (1.0, false)] {
        let halving = Some(Halving { trials: 4, first, factor: 2 });
        let space = Space::new().with("x", Dimension::integer(1, 6, false).unwrap());
        let grid = settings(space, Strategy::Grid { values: 6 }, 0);
        let mut search = Search::new(SearchSettings { halving, ..grid }).unwrap();
        let mut fresh = 0;
        while let Proposal::Run(trial) = search.ask() {
            fresh += usize::from(trial.rung == 0);
            search.tell(trial.id, (!fails).then(|| number(&trial, "x"))).unwrap();
        }
        assert_eq!((search.ask(), fresh), (Proposal::Done, 6), "{first} {fails}");
        assert_eq!(search.best().is_none(), fails);
    }
}

#[test]
fn answers_that_nobody_asked_for_are_errors() {
    let mut search = Search::new(settings(mixed(), Strategy::Random, 0)).unwrap();
    assert!(search.tell(0, Some(1.0)).unwrap_err().to_string().contains("trial 0 was not asked for"));
    let trial = run(search.ask());
    search.tell(trial.id, Some(f64::NAN)).unwrap();
    assert_eq!((search.failed(), search.best()), (1, None));
    assert!(search.tell(trial.id, Some(1.0)).unwrap_err().to_string().contains("told already"));
}

#[test]
fn spaces_are_read_strictly() {
    let space: Space = toml::from_str(
        "a = { integer = [1, 9], log = true }\nb = { choice = ['x', 2] }\nc = { float = [0.5, 1] }",
    )
    .unwrap();
    assert_eq!(space.dimensions().map(|(name, _)| name).collect::<String>(), "abc");
    let text = serde_json::to_string(&space).unwrap();
    assert_eq!(serde_json::from_str::<Space>(&text).unwrap(), space);
    for (text, expected) in [
        ("a = { integer = [9, 1] }", "expected a number below another"),
        ("a = { float = [0.0, 1.0], log = true }", "expected it above 0"),
        ("a = { choice = [] }", "no values"),
        ("a = { choice = [1], log = true }", "expected it of numbers"),
        ("a = { integer = [1, 2], float = [1.0, 2.0] }", "expected one of"),
        ("a = { ints = [1, 2] }", "unknown field"),
    ] {
        let error = toml::from_str::<Space>(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn default_spaces_fit_their_estimators() {
    for estimator in Estimator::all() {
        let search = settings(estimator.default_space(), Strategy::Random, 0);
        let mut search = Search::new(search).unwrap();
        for _ in 0..20 {
            let trial = run(search.ask());
            estimator.with_parameters(&trial.parameters).unwrap();
        }
        let wrong = Assignment::from([("nothing".to_owned(), json!(1))]);
        assert_eq!(estimator.with_parameters(&wrong).unwrap_err().kind(), LearnErrorKind::InvalidSetting);
        assert!(estimator.with_parameters(&Assignment::from([("kind".to_owned(), json!("ridge"))])).is_err());
    }
}

/// The settings of the journals below: all that proposals may depend on.
fn journal_settings() -> SearchSettings {
    let halving = Some(Halving { trials: 4, first: 0.3, factor: 2 });
    SearchSettings { halving, ..settings(mixed(), Strategy::Tpe { startup: 3 }, 11) }
}

/// A loss whose digits do not end.
fn loss(trial: &Trial) -> Option<f64> {
    (trial.id % 5 != 3)
        .then(|| (number(trial, "rate").ln() + 2.0).powi(2) / 3.0 + number(trial, "depth") / 7.0)
}

/// Asks and tells until there are `count` trials; those that were running are told first.
fn go_on(journal: &mut Journal, count: usize) -> Vec<Trial> {
    let running: Vec<Trial> = journal.search().running().cloned().collect();
    let tell = |journal: &mut Journal, trial: &Trial| {
        journal.tell(trial.id, loss(trial), json!({ "folds": [trial.id] })).unwrap();
    };
    running.iter().for_each(|trial| tell(journal, trial));
    while journal.search().trials.len() < count {
        let trial = run(journal.ask().unwrap());
        tell(journal, &trial);
    }
    journal.search().trials.iter().map(|asked| asked.trial.clone()).collect()
}

#[test]
fn a_journal_cut_at_any_byte_goes_on_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole.jsonl");
    let expected = go_on(&mut Journal::open(&whole, journal_settings()).unwrap(), 9);
    let content = std::fs::read(&whole).unwrap();
    let path = folder.path().join("cut.jsonl");
    for length in 0..=content.len() {
        std::fs::write(&path, &content[..length]).unwrap();
        let mut journal = Journal::open(&path, journal_settings()).unwrap();
        let kept = content[..length].iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let lines = content[..kept].iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(journal.search().trials.len(), lines / 2, "cut at {length}");
        // All bytes are opened; going on from each line's first and middle byte is enough.
        if length == kept || length == kept + 20 {
            assert_eq!(go_on(&mut journal, 9), expected, "cut at {length}");
            assert_eq!(std::fs::read(&path).unwrap(), content, "cut at {length}");
        }
    }
}

#[test]
fn a_journal_that_is_none_or_of_another_search_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    go_on(&mut Journal::open(&path, journal_settings()).unwrap(), 3);
    let other = SearchSettings { seed: 12, ..journal_settings() };
    let error = Journal::open(&path, other).unwrap_err();
    assert!(error.to_string().contains("line 1: the journal is of a search with other settings"), "{error}");

    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for (changed, expected) in [
        (text.replacen("\"schema\":1", "\"schema\":2", 1), "line 1: schema is 2, expected 1"),
        (format!("{}\nnothing\n", lines[0]), "line 2: is no event"),
        (format!("{}\n{}\n", lines[0], lines[0]), "line 2: expected `start`"),
        (format!("{}\n{}\n", lines[0], lines[2]), "line 2: trial 0 was not asked for"),
        (
            format!("{}\n{}\n", lines[0], lines[1].replace("\"id\":0", "\"id\":1")),
            "line 2: trial 1 is not what",
        ),
        (format!("{}\n", lines[1]), "line 1: expected `start`"),
    ] {
        std::fs::write(&path, changed).unwrap();
        let error = Journal::open(&path, journal_settings()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}, expected {expected}");
        assert_eq!(error.kind(), LearnErrorKind::Malformed);
    }
}

#[test]
fn a_journal_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let owner = Journal::open(&path, journal_settings()).unwrap();
    let error = Journal::open(&path, journal_settings()).unwrap_err();
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(owner);
    assert!(Journal::open(&path, journal_settings()).is_ok());
}

#[test]
fn what_is_known_to_do_well_is_tried_first() {
    let point: Assignment = [("x".to_owned(), serde_json::json!(0.25))].into();
    let space = Space::new().with("x", Dimension::float(0.0, 1.0, false).unwrap());
    let grid = settings(space, Strategy::Grid { values: 2 }, 1);
    let mut search = Search::new(SearchSettings { first: vec![point.clone()], ..grid }).unwrap();
    let mut asked = Vec::new();
    while let Proposal::Run(trial) = search.ask() {
        search.tell(trial.id, Some(1.0)).unwrap();
        asked.push(trial.parameters["x"].as_f64().unwrap());
    }
    assert_eq!(asked, [0.25, 0.0, 1.0]);
}
