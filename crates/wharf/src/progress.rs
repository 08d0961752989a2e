//! How a run shows itself: a bar on a terminal, plain lines elsewhere, JSON lines for machines.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use wharf_tabular::{TableEvent, Trial};
use wharf_train::{EpochMetrics, Event};

use crate::say;

/// Shows the events of a run.
pub(crate) enum RunProgress {
    /// A bar that is drawn over and over, with a line for each epoch above it.
    Bar(ProgressBar),
    /// A line for each epoch, for logs.
    Lines,
    /// Every event as a JSON line on standard output.
    Json,
}

impl RunProgress {
    /// The form that fits where the output goes.
    pub(crate) fn new(json: bool) -> Self {
        match (json, std::io::stderr().is_terminal()) {
            (true, _) => Self::Json,
            (false, true) => Self::Bar(run_bar()),
            (false, false) => Self::Lines,
        }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &Event) {
        match self {
            Self::Json => print_json(event),
            Self::Lines => {
                if let Some(line) = line_of(event) {
                    log(&line);
                }
            }
            Self::Bar(bar) => {
                move_bar(bar, event);
                if let Some(line) = line_of(event) {
                    bar.println(line);
                }
            }
        }
    }
}

fn print_json(event: &impl Serialize) {
    // Events hold numbers and texts only; a number that JSON cannot hold becomes null.
    if let Ok(line) = serde_json::to_string(event) {
        say(line);
    }
}

/// A line for a person, beside what goes to standard output.
pub(crate) fn log(line: &str) {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "{line}");
}

fn run_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let template = "{prefix} [{bar:24}] {pos}/{len}  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn move_bar(bar: &ProgressBar, event: &Event) {
    match event {
        Event::Step { epoch, step, steps, loss, accuracy, pictures_per_second, seconds_left, .. } => {
            bar.set_length(*steps);
            bar.set_position(*step);
            bar.set_prefix(format!("epoch {epoch}"));
            let left = HumanDuration(Duration::try_from_secs_f64(*seconds_left).unwrap_or_default());
            bar.set_message(format!(
                "loss {loss:.3}  accuracy {:.1} %  {pictures_per_second:.0} pictures/s  {left:#} left",
                accuracy * 100.0
            ));
        }
        Event::Finished { .. } | Event::Interrupted { .. } => bar.finish_and_clear(),
        _ => {}
    }
}

/// What a person is told of an event; `None` for those that only a bar or a machine wants.
fn line_of(event: &Event) -> Option<String> {
    match event {
        Event::Started {
            run, pictures, evaluation_pictures, parameters, epochs, resumed_at_step, ..
        } => {
            let resumed = match resumed_at_step {
                0 => String::new(),
                step => format!(", resumed at step {step}"),
            };
            Some(format!(
                "run {run}: {pictures} training and {evaluation_pictures} evaluation pictures, \
                 {parameters} parameters, {epochs} epochs{resumed}"
            ))
        }
        Event::BadPicture { name, reason } => Some(format!("left out `{name}`: {reason}")),
        Event::Epoch(metrics) => Some(epoch_line(metrics)),
        Event::StoppedEarly { epoch } => {
            Some(format!("stopped early after epoch {epoch}: no longer improving"))
        }
        _ => None,
    }
}

fn epoch_line(metrics: &EpochMetrics) -> String {
    let EpochMetrics { epoch, train_loss, train_accuracy, seconds, pictures_per_second, .. } = metrics;
    let mut line = format!("epoch {epoch}: loss {train_loss:.3}, accuracy {:.1} %", train_accuracy * 100.0);
    if let (Some(loss), Some(accuracy)) = (metrics.eval_loss, metrics.eval_accuracy) {
        line.push_str(&format!("; evaluation loss {loss:.3}, accuracy {:.1} %", accuracy * 100.0));
    }
    line.push_str(&format!("; {seconds:.1} s, {pictures_per_second:.0} pictures/s"));
    line
}

/// Shows the events of a run that chooses among models for a table.
pub(crate) enum TableProgress {
    /// A line for each trial.
    Lines,
    /// Every event as a JSON line on standard output.
    Json,
}

impl TableProgress {
    /// JSON where it is asked for.
    pub(crate) fn new(json: bool) -> Self {
        if json { Self::Json } else { Self::Lines }
    }

    /// Shows one event.
    pub(crate) fn show(&self, event: &TableEvent) {
        match self {
            Self::Json => print_json(event),
            Self::Lines => {
                if let Some(line) = table_line(event) {
                    log(&line);
                }
            }
        }
    }
}

/// Many trials take a moment each: of those that are no better than the ones before, some are told.
fn is_passed_over(trial: &Trial) -> bool {
    trial.failure.is_none() && trial.number > 10 && !trial.number.is_multiple_of(50)
}

/// What a person is told of an event.
fn table_line(event: &TableEvent) -> Option<String> {
    Some(match event {
        TableEvent::Started {
            run,
            rows,
            evaluation_rows,
            columns,
            labels,
            metric,
            folds,
            resumed_at_trial,
            ..
        } => {
            let target = match labels.len() {
                0 => "a number".to_owned(),
                count => format!("{count} classes"),
            };
            let resumed = match resumed_at_trial {
                0 => String::new(),
                trial => format!(", resumed after trial {trial}"),
            };
            format!(
                "run {run}: {rows} rows in {folds} folds and {evaluation_rows} held out, {columns} columns, {target}, by \
                 {}{resumed}",
                metric.name()
            )
        }
        TableEvent::Noted { text } => format!("note: {text}"),
        TableEvent::Trial { trial, is_best: false, .. } if is_passed_over(trial) => return None,
        TableEvent::Trial { trial, mean, is_best } => {
            let result = match (mean, &trial.failure) {
                (Some(mean), None) => format!("{mean:.4}"),
                (_, failure) => format!("failed: {}", failure.as_deref().unwrap_or("no score")),
            };
            let part = if trial.resource < 1.0 {
                format!(" on {:.0} % of the rows", trial.resource * 100.0)
            } else {
                String::new()
            };
            let best = if *is_best { "  best so far" } else { "" };
            format!(
                "trial {}: {} {result}{part}, {:.1} s ({}){best}",
                trial.number,
                trial.kind,
                trial.seconds,
                trial.settings_line()
            )
        }
        TableEvent::BudgetSpent { trials } => format!("time is up after {trials} trials"),
        _ => return None,
    })
}

/// Shows how far downloads have come.
pub(crate) struct DownloadProgress {
    bar: ProgressBar,
    file: String,
}

impl DownloadProgress {
    /// A bar on a terminal, a line per file elsewhere.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::with_template("{msg} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { bar, file: String::new() }
    }

    /// `done` of `total` bytes of `file` are here.
    pub(crate) fn show(&mut self, file: &str, verb: &str, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        if self.file != file {
            self.file = file.to_owned();
            self.bar.set_message(file.to_owned());
            self.bar.suspend(|| log(&format!("{verb} {file} ({})", HumanBytes(total))));
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
