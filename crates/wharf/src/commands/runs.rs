//! `wharf runs`: look at past training runs.

use std::path::Path;

use wharf_runs::{RunState, RunStatus, Runs};
use wharf_tabular::TableDetails;
use wharf_train::RunDetails;

use super::train::{evaluation_line, leaders_table};
use crate::cli::RunsCommand;
use crate::say;
use crate::table::Table;

/// Runs one of the subcommands.
pub(crate) fn run(command: RunsCommand) -> anyhow::Result<()> {
    match command {
        RunsCommand::Ls { json, runs } => list(&Runs::new(runs.runs), json),
        RunsCommand::Show { run, json, runs } => {
            let folder = Runs::new(runs.runs).find(run.as_deref().unwrap_or("latest"))?;
            match TableDetails::read(&folder)? {
                Some(details) => show_table(&details, json),
                None => show(&RunDetails::read(&folder)?, json),
            }
        }
    }
}

fn list(runs: &Runs, json: bool) -> anyhow::Result<()> {
    let mut list = runs.list()?;
    list.reverse();
    if json {
        say(serde_json::to_string_pretty(&list)?);
        return Ok(());
    }
    if list.is_empty() {
        say("no runs yet");
        return Ok(());
    }
    let mut table =
        Table::new(&["RUN", "RECIPE", "STATE", "STARTED", ">EPOCHS", ">STEPS", ">TRIALS", ">SECONDS"]);
    for run in list {
        table.row([
            run.id,
            run.name,
            state(run.state).to_owned(),
            run.started,
            run.epochs.to_string(),
            run.steps.to_string(),
            run.trials.to_string(),
            format!("{:.1}", run.seconds),
        ]);
    }
    say(table.render());
    Ok(())
}

const fn state(state: RunState) -> &'static str {
    match state {
        RunState::Running => "running or killed",
        RunState::Interrupted => "interrupted",
        RunState::Finished => "finished",
    }
}

fn show(details: &RunDetails, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(details)?);
        return Ok(());
    }
    say_status(&details.status, &format!("{} steps", details.status.steps), &details.folder);
    say(epochs_table(details));
    if let Some(evaluation) = &details.evaluation {
        say(format!(
            "evaluation: loss {:.4}, accuracy {:.2} %",
            evaluation.loss,
            evaluation.accuracy * 100.0
        ));
    }
    Ok(())
}

fn say_status(status: &RunStatus, done: &str, folder: &Path) {
    say(format!("run       {}", status.id));
    say(format!("recipe    {}", status.name));
    say(format!("state     {}", state(status.state)));
    say(format!("started   {}", status.started));
    say(format!("trained   {:.1} s, {done}", status.seconds));
    say(format!("folder    {}", folder.display()));
    let report = folder.join("report.html");
    if report.exists() {
        say(format!("report    {}", report.display()));
    }
}

fn show_table(details: &TableDetails, json: bool) -> anyhow::Result<()> {
    if json {
        say(serde_json::to_string_pretty(details)?);
        return Ok(());
    }
    say_status(&details.status, &format!("{} trials", details.status.trials), &details.folder);
    if let Some(evaluation) = &details.evaluation {
        say(leaders_table(&details.leaders, evaluation.metric.name()));
        say(evaluation_line(evaluation));
    }
    Ok(())
}

fn epochs_table(details: &RunDetails) -> String {
    let mut table = Table::new(&[">EPOCH", ">LOSS", ">ACCURACY", ">EVAL LOSS", ">EVAL ACCURACY", ">SECONDS"]);
    let number = |value: Option<f64>, scale: f64| {
        value.map_or("-".to_owned(), |value| format!("{:.3}", value * scale))
    };
    for epoch in &details.epochs {
        table.row([
            epoch.epoch.to_string(),
            number(Some(epoch.train_loss), 1.0),
            number(Some(epoch.train_accuracy), 100.0),
            number(epoch.eval_loss, 1.0),
            number(epoch.eval_accuracy, 100.0),
            format!("{:.1}", epoch.seconds),
        ]);
    }
    table.render()
}
