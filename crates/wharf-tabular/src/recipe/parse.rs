//! From the text of a recipe to its settings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use toml::{Table, Value};
use wharf_runs::{Problem, Problems, Section, syntax};

use super::TableRecipe;
use super::candidate::candidates;
use super::settings::{
    FeatureScore, Keep, MissingTarget, SearchKind, SearchSettings, Selection, TableData, TableTask,
    Validation,
};
use crate::metric::Metric;

/// Reads all of it, then reports all that is wrong.
pub(super) fn recipe(text: &str, folder: &Path) -> Result<TableRecipe, Vec<Problem>> {
    let table: Table = text.parse().map_err(|error: toml::de::Error| vec![syntax(&error, text)])?;
    let (problems, empty) = (Problems::default(), Table::new());
    let top = Section::new("", &table, &problems);
    let recipe = TableRecipe {
        name: top.required::<String>("name").unwrap_or_default(),
        seed: top.or("seed", 1),
        data: data(top.section("data", &empty), &empty),
        preparation: whole(&top.section("preparation", &empty)).unwrap_or_default(),
        selection: top.raw("selection").map(|_| selection(top.section("selection", &empty))),
        validation: validation(top.section("validation", &empty)),
        balanced: top.choice("class_weights", &["none", "balanced"]) == "balanced",
        metric: metric(&top),
        search: search(top.section("search", &empty)),
        candidates: candidates(&top),
        text: text.to_owned(),
        folder: folder.to_path_buf(),
    };
    if let Err(error) = wharf_bundle::check_model_name(&recipe.name) {
        top.report("name", error.to_string());
    }
    top.finish();
    let problems = problems.into_inner();
    if problems.is_empty() { Ok(recipe) } else { Err(problems) }
}

fn metric(top: &Section<'_>) -> Option<Metric> {
    let names: Vec<&str> = Metric::ALL.iter().map(|metric| metric.name()).collect();
    top.raw("metric")?;
    let chosen = top.choice("metric", &names);
    Metric::ALL.into_iter().find(|metric| metric.name() == chosen)
}

/// A table that reads itself.
fn whole<T: DeserializeOwned>(section: &Section<'_>) -> Option<T> {
    match T::deserialize(section.value()) {
        Ok(value) => Some(value),
        Err(error) => {
            let problem = error.to_string().trim().to_owned();
            section.problems().borrow_mut().push(Problem {
                key: section.path().to_owned(),
                value: None,
                problem,
            });
            None
        }
    }
}

fn data<'a>(section: Section<'a>, empty: &'a Table) -> TableData {
    let data = TableData {
        path: PathBuf::from(section.required::<String>("path").unwrap_or_default()),
        evaluation: section.optional::<String>("evaluation").map(PathBuf::from),
        target: section.required("target").unwrap_or_default(),
        task: match section.choice("task", &["auto", "classification", "regression"]) {
            "classification" => Some(TableTask::Classification),
            "regression" => Some(TableTask::Regression),
            _ => None,
        },
        drop: section.or("drop", Vec::new()),
        drop_duplicates: section.or("drop_duplicates", false),
        missing_target: match section.choice("missing_target", &["fail", "drop"]) {
            "drop" => MissingTarget::Drop,
            _ => MissingTarget::Fail,
        },
        group: section.optional("group"),
        time: section.optional("time"),
        csv: whole(&section.section("csv", empty)).unwrap_or_default(),
    };
    if data.group.is_some() && data.time.is_some() {
        section.report("group", "stands beside `time`, expected one of them");
    }
    section.finish();
    data
}

fn selection(section: Section<'_>) -> Selection {
    let names = ["mutual_information", "information_gain", "gain_ratio", "chi_squared", "anova_f"];
    let score = match section.choice("score", &names) {
        "information_gain" => FeatureScore::InformationGain,
        "gain_ratio" => FeatureScore::GainRatio,
        "chi_squared" => FeatureScore::ChiSquared,
        "anova_f" => FeatureScore::AnovaF,
        _ => FeatureScore::MutualInformation,
    };
    let threshold: Option<f64> = section.optional("threshold");
    let keep = match (section.raw("keep"), threshold) {
        (Some(_), Some(_)) => {
            section.report("keep", "stands beside `threshold`, expected one of them");
            Keep::Best
        }
        (None, Some(threshold)) => Keep::Threshold(threshold),
        (None, None) => Keep::Best,
        (Some(Value::String(text)), None) if text == "best" => Keep::Best,
        (Some(Value::Integer(count)), None) if *count > 0 => {
            usize::try_from(*count).map_or(Keep::Best, Keep::Count)
        }
        (Some(_), None) => {
            section.report("keep", "expected a whole number of at least 1, or \"best\"");
            Keep::Best
        }
    };
    section.finish();
    Selection { score, keep }
}

fn validation(section: Section<'_>) -> Validation {
    let is_share = |share: &f64| *share > 0.0 && *share < 1.0;
    let validation = Validation {
        folds: section.checked("folds", 5, |folds| (1..=100).contains(folds), "1 to 100"),
        repeats: section.checked("repeats", 1, |repeats| (1..=100).contains(repeats), "1 to 100"),
        holdout: section.checked("holdout", 0.2, is_share, "a number above 0 and below 1"),
    };
    section.finish();
    validation
}

fn search(section: Section<'_>) -> SearchSettings {
    let search = SearchSettings {
        kind: match section.choice("kind", &["tpe", "random", "grid"]) {
            "random" => SearchKind::Random,
            "grid" => SearchKind::Grid,
            _ => SearchKind::Tpe,
        },
        trials: section.checked("trials", 20, |trials| (1..=100_000).contains(trials), "1 to 100000"),
        budget: budget(&section),
        halving: section.or("halving", false),
    };
    section.finish();
    search
}

fn budget(section: &Section<'_>) -> Option<Duration> {
    let text: String = section.optional("budget")?;
    let duration = parse_duration(&text);
    if duration.is_none() {
        section.report("budget", "expected a time such as \"90s\", \"5m\" or \"2h\"");
    }
    duration
}

/// A time such as `90s`, `5m`, `2h`; above zero.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1.0,
        'm' => 60.0,
        'h' => 3600.0,
        _ => return None,
    };
    let number: f64 = text[..text.len() - 1].trim().parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok().filter(|duration| !duration.is_zero())
}
