//! What a run leaves for people to look at: `report.html`.

use std::path::Path;

use wharf_report::{Axis, BarChart, ConfusionMatrix, Facts, LineChart, Report, Section, Series, Table};

use crate::TabularError;
use crate::metric::Metric;
use crate::options::TableOutcome;

/// How many bars a chart has, and how many trials the table shows at once.
const MOST: usize = 30;

/// What the report tells.
pub(crate) struct RunReport<'a> {
    pub(crate) outcome: &'a TableOutcome,
    pub(crate) metric: Metric,
}

/// Writes `report.html` into a run's folder, whole or not at all.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write_report(run_dir: &Path, report: &RunReport<'_>) -> Result<(), TabularError> {
    let html = page(report)?.to_html();
    Ok(wharf_runs::write_atomically(&run_dir.join("report.html"), html.as_bytes())?)
}

fn page(run: &RunReport<'_>) -> Result<Report, TabularError> {
    let outcome = run.outcome;
    let evaluation = &outcome.evaluation;
    let lead = format!(
        "{} predicts `{}`: chosen among {} trials, fitted to {} rows, evaluated on {} others.",
        outcome.chosen.trial.kind,
        outcome.recipe.data.target,
        outcome.trials.len(),
        outcome.rows,
        evaluation.rows
    );
    let mut report = Report::new(&outcome.recipe.name).lead(lead);
    report = report.figure(run.metric.name(), decimals(evaluation.score));
    if let Some([low, high]) = evaluation.interval {
        report = report.figure("95 % interval", format!("{} to {}", decimals(low), decimals(high)));
    }
    report = report.figure("features", outcome.chosen.program.features().to_string());
    let mut sections = vec![quality(run)];
    sections.extend(confusion(run)?);
    sections.push(trials(run));
    sections.extend(bars("What the model goes by", "part of the whole", &outcome.chosen.importances()));
    sections.extend(outcome.scores.as_ref().and_then(|scores| {
        let mut scores = scores.clone();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        bars("Scores of the features", "score", &scores)
    }));
    sections.push(Section::new("Recipe").preformatted(&outcome.recipe.text));
    Ok(sections.into_iter().fold(report, Report::section))
}

fn quality(run: &RunReport<'_>) -> Section {
    let metrics = &run.outcome.evaluation.metrics;
    let facts = metrics.iter().fold(Facts::new(), |facts, (name, value)| facts.add(name, decimals(*value)));
    Section::new("On rows that no trial has seen").facts(facts)
}

fn confusion(run: &RunReport<'_>) -> Result<Option<Section>, TabularError> {
    let evaluation = &run.outcome.evaluation;
    if evaluation.confusion.is_empty() || evaluation.labels.len() > MOST {
        return Ok(None);
    }
    let matrix =
        ConfusionMatrix::new("Confusion matrix", evaluation.labels.clone(), evaluation.confusion.clone());
    let matrix = matrix.map_err(|error| TabularError::run(format!("cannot draw the report: {error}")))?;
    Ok(Some(Section::new("Mistakes").chart(matrix.draw())))
}

fn trials(run: &RunReport<'_>) -> Section {
    let made = |trial: &&crate::Trial| trial.resource >= 1.0;
    let points =
        run.outcome.trials.iter().filter(made).filter_map(|trial| Some((trial.number as f64, trial.mean()?)));
    let points: Vec<(f64, f64)> = points.collect();
    let chart = LineChart::new("Trials")
        .x(Axis::new("trial").whole())
        .y(Axis::new(run.metric.name()))
        .series(Series::new("mean over the folds", points.clone()).only_markers())
        .series(Series::new("best so far", best_so_far(&points, run.metric)));
    let section = Section::new("Trials").chart(chart.draw());
    section.table(table(run, MOST)).folded_table("All trials", table(run, usize::MAX))
}

fn best_so_far(points: &[(f64, f64)], metric: Metric) -> Vec<(f64, f64)> {
    let mut best: Option<f64> = None;
    points
        .iter()
        .map(|(number, score)| {
            let better = best.is_none_or(|best| metric.gain(*score) > metric.gain(best));
            let now = if better { *score } else { best.unwrap_or(*score) };
            best = Some(now);
            (*number, now)
        })
        .collect()
}

fn table(run: &RunReport<'_>, most: usize) -> Table {
    let table = Table::new().number("trial").text("model").number(run.metric.name());
    let table = table.text("95 % interval").number("seconds").text("settings");
    run.outcome.leaders.iter().take(most).fold(table, |table, leader| {
        let interval = leader
            .interval
            .map_or_else(String::new, |[low, high]| format!("{} to {}", decimals(low), decimals(high)));
        table.row([
            leader.trial.number.to_string(),
            leader.trial.kind.clone(),
            decimals(leader.mean),
            interval,
            format!("{:.1}", leader.trial.seconds),
            leader.trial.settings_line(),
        ])
    })
}

/// The greatest of `named`; none where there is nothing to show.
fn bars(title: &str, axis: &str, named: &[(String, f64)]) -> Option<Section> {
    if named.is_empty() {
        return None;
    }
    let chart = BarChart::new(title).axis_title(axis);
    let chart = named.iter().take(MOST).fold(chart, |chart, (name, value)| chart.bar(name, *value));
    let section = Section::new(title).chart(chart.draw());
    Some(match named.len().checked_sub(MOST).filter(|more| *more > 0) {
        Some(more) => section.paragraph(format!("{more} more are not shown.")),
        None => section,
    })
}

fn decimals(value: f64) -> String {
    format!("{value:.4}")
}
