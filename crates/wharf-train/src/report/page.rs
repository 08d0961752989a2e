//! The page: key figures, curves, evaluation, mistakes, times, environment, recipe.

use std::time::Duration;

use wharf_report::{Drawing, Facts, Report, Section, Table};

use super::{RunReport, curves, evaluation};
use crate::metrics::EpochMetrics;

pub(super) fn page(run: &RunReport<'_>, confusion: Option<Drawing>) -> Report {
    let report = key_figures(Report::new(run.name).lead(lead(run)), run);
    let sections = [
        Some(learning(run.epochs)),
        run.evaluation.zip(confusion).map(|(scores, drawing)| evaluation::section(scores, drawing)),
        evaluation::mistakes(run.mistakes),
        timings(run.timings),
        environment(run.environment),
        Some(Section::new("Recipe").preformatted(run.recipe)),
    ];
    sections.into_iter().flatten().fold(report, Report::section)
}

fn lead(run: &RunReport<'_>) -> String {
    let epochs = match run.epochs.len() {
        1 => "1 epoch".to_owned(),
        count => format!("{count} epochs"),
    };
    match run.evaluation {
        Some(evaluation) => {
            let (pictures, classes) = (count(evaluation.pictures), evaluation.classes.len());
            format!("Trained for {epochs}, evaluated on {pictures} pictures of {classes} classes.")
        }
        None => format!("Trained for {epochs}, not evaluated."),
    }
}

/// The outcome, or where there is none yet, how far the run is.
fn key_figures(report: Report, run: &RunReport<'_>) -> Report {
    let report = match (run.evaluation, run.epochs.last()) {
        (Some(scores), _) => {
            report.figure("accuracy", percent(scores.accuracy)).figure("loss", decimals(scores.loss))
        }
        (None, Some(last)) => report
            .figure("training accuracy", percent(last.train_accuracy))
            .figure("training loss", decimals(last.train_loss)),
        (None, None) => report,
    };
    let report = report.figure("epochs", run.epochs.len().to_string());
    let seconds: f64 = run.epochs.iter().map(|epoch| epoch.seconds).sum();
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if !run.epochs.is_empty() => report.figure("training time", duration(time)),
        _ => report,
    }
}

fn learning(epochs: &[EpochMetrics]) -> Section {
    let section = Section::new("Learning curves").charts(curves::each(epochs));
    section.folded_table("All epochs in numbers", epoch_table(epochs))
}

fn epoch_table(epochs: &[EpochMetrics]) -> Table {
    let names =
        ["epoch", "loss", "accuracy", "evaluation loss", "evaluation accuracy", "learning rate", "seconds"];
    let table = names.into_iter().fold(Table::new(), Table::number).number("pictures/s");
    epochs.iter().fold(table, |table, epoch| {
        table.row([
            epoch.epoch.to_string(),
            decimals(epoch.train_loss),
            percent(epoch.train_accuracy),
            epoch.eval_loss.map_or_else(String::new, decimals),
            epoch.eval_accuracy.map_or_else(String::new, percent),
            epoch.learning_rate.to_string(),
            format!("{:.2}", epoch.seconds),
            format!("{:.0}", epoch.pictures_per_second),
        ])
    })
}

fn timings(timings: &[(String, Duration)]) -> Option<Section> {
    let facts = timings.iter().fold(Facts::new(), |facts, (name, time)| facts.add(name, duration(*time)));
    (!timings.is_empty()).then(|| Section::new("Times").facts(facts))
}

fn environment(environment: &[(String, String)]) -> Option<Section> {
    let facts = environment.iter().fold(Facts::new(), |facts, (name, value)| facts.add(name, value));
    (!environment.is_empty()).then(|| Section::new("Environment").facts(facts))
}

/// A share as per cent with two decimals.
pub(super) fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

fn decimals(value: f64) -> String {
    format!("{value:.4}")
}

/// A count with its thousands apart.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && digits.len() > 4 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// A time with two units at most, as people say it.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_two_units() {
        let cases = [(0.25, "250 ms"), (59.94, "59.9 s"), (192.0, "3 min 12 s"), (7_325.0, "2 h 2 min")];
        for (seconds, expected) in cases {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), expected);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        let cases =
            [(0, "0"), (1000, "1000"), (60_000, "60\u{202f}000"), (1_234_567, "1\u{202f}234\u{202f}567")];
        for (given, expected) in cases {
            assert_eq!(count(given), expected);
        }
    }
}
