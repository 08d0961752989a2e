//! `wharf train` for tables.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use wharf_bundle::Repository;
use wharf_runs::Runs;
use wharf_tabular::{
    Leader, TableEvaluation, TableEvent, TableOptions, TableOutcome, TableRecipe, automatic, publish, train,
};

use super::invocation::{Invocation, keep_recipe, note_published, published};
use super::overrides;
use crate::cli::TrainArgs;
use crate::commands::goldens;
use crate::commands::publishing::{check_goldens, of_run, published_line};
use crate::failure::Interrupted;
use crate::progress::TableProgress;
use crate::say;
use crate::stop::flag_on_signals;
use crate::table::Table;

/// How long the choice may take where nobody says so.
const BUDGET: std::time::Duration = std::time::Duration::from_secs(300);

/// How many trials a person is shown.
const LEADERS: usize = 10;

/// A run to make or to continue.
pub(super) struct TableJob {
    recipe: TableRecipe,
    run_dir: PathBuf,
    invocation: Invocation,
}

impl TableJob {
    /// A run of the recipe in `text`, which comes from `folder`.
    pub(super) fn fresh(arguments: &TrainArgs, text: &str, folder: &Path) -> anyhow::Result<Self> {
        if arguments.epochs.is_some() {
            bail!("--epochs is for networks; a recipe for tables has `search.trials` and `search.budget`");
        }
        let text = overrides::apply(text, arguments)?;
        let invocation = Invocation {
            recipe_folder: std::path::absolute(folder)?,
            data: arguments.data.as_deref().map(std::path::absolute).transpose()?,
            publish: !arguments.no_publish,
        };
        let recipe = TableRecipe::parse(&text, &invocation.recipe_folder)?;
        check_data(&recipe, &invocation)?;
        let run_dir = Runs::new(&arguments.runs.runs).create()?;
        invocation.write(&run_dir)?;
        keep_recipe(&run_dir, &text)?;
        Ok(Self { recipe, run_dir, invocation })
    }

    /// A run of the table that is named in place of a recipe.
    pub(super) fn automatic(arguments: &TrainArgs) -> anyhow::Result<Self> {
        let path = arguments.recipe.as_deref().context("which table?")?;
        let target = arguments.target.as_deref().context("which target?")?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let name = arguments.name.clone().unwrap_or_else(|| model_name(&stem));
        let budget = arguments.budget.unwrap_or(BUDGET);
        let text = automatic(&name, &std::path::absolute(path)?, target, budget, arguments.seed.unwrap_or(1));
        Self::fresh(arguments, &text, Path::new("."))
    }

    /// The run in `run_dir`, which follows the recipe in `text`.
    pub(super) fn resumed(arguments: &TrainArgs, run_dir: PathBuf, text: &str) -> anyhow::Result<Self> {
        if let Some(published) = published(&run_dir) {
            bail!("the run in `{}` is complete and published as {published}", run_dir.display());
        }
        let mut invocation = Invocation::read(&run_dir)?;
        if let Some(data) = &arguments.data {
            invocation.data = Some(std::path::absolute(data)?);
        }
        invocation.publish &= !arguments.no_publish;
        let recipe = TableRecipe::parse(text, &invocation.recipe_folder)?;
        check_data(&recipe, &invocation)?;
        Ok(Self { recipe, run_dir, invocation })
    }

    /// Chooses, fits, evaluates and publishes; or keeps its trials where a signal stops it.
    pub(super) fn run(&self, arguments: &TrainArgs) -> anyhow::Result<()> {
        if self.invocation.publish {
            // Before the work, not after.
            goldens::engine()?;
        }
        let progress = TableProgress::new(arguments.json);
        let options = TableOptions::new(&self.run_dir)
            .with_resume(arguments.resume.is_some())
            .with_threads(arguments.threads.map_or(0, usize::from))
            .with_data(self.invocation.data.clone())
            .with_stop(flag_on_signals()?);
        let outcome = train(&self.recipe, options, &mut |event: &TableEvent| progress.show(event))?;
        match outcome {
            Some(outcome) => self.finish(arguments, &outcome),
            None => {
                let id = self.run_dir.file_name().map(|id| id.to_string_lossy().into_owned());
                let id = id.unwrap_or_default();
                Err(Interrupted(format!("interrupted; `wharf train --resume {id}` continues")).into())
            }
        }
    }

    fn finish(&self, arguments: &TrainArgs, outcome: &TableOutcome) -> anyhow::Result<()> {
        let report = self.run_dir.join("report.html");
        if !arguments.json {
            say(leaders_table(&outcome.leaders, outcome.evaluation.metric.name()));
            say(evaluation_line(&outcome.evaluation));
            say(format!("report {}", report.display()));
        }
        if !self.invocation.publish {
            return Ok(());
        }
        let repository = &arguments.repository;
        // A run that was killed after it was published, but before it noted so, is not published again.
        let bundle = match of_run(repository, &self.recipe.name, &outcome.run_id)? {
            Some(bundle) => bundle,
            None => {
                let engine = goldens::engine()?;
                let root = &repository.repository;
                let repository = Repository::create(root)
                    .with_context(|| format!("cannot use `{}` as a repository", root.display()))?;
                publish(outcome, &self.recipe.name, &repository, &check_goldens(engine.as_ref()))?
            }
        };
        let manifest = bundle.manifest();
        note_published(&self.run_dir, &format!("{}/{}", manifest.name, manifest.version))?;
        if arguments.json {
            let event = json!({"event": "published", "name": manifest.name, "version": manifest.version,
                               "folder": bundle.folder(), "report": report});
            say(event.to_string());
        } else {
            say(published_line(&bundle));
        }
        Ok(())
    }
}

/// The best trials.
pub(crate) fn leaders_table(leaders: &[Leader], metric: &str) -> String {
    let score = format!(">{}", metric.to_uppercase());
    let mut table = Table::new(&["MODEL", &score, "95 % INTERVAL", ">SECONDS", ">TRIAL", "SETTINGS"]);
    for leader in leaders.iter().take(LEADERS) {
        let interval =
            leader.interval.map_or_else(String::new, |[low, high]| format!("{low:.4} to {high:.4}"));
        table.row([
            leader.trial.kind.clone(),
            format!("{:.4}", leader.mean),
            interval,
            format!("{:.1}", leader.trial.seconds),
            leader.trial.number.to_string(),
            leader.trial.settings_line(),
        ]);
    }
    table.render()
}

/// How the chosen model does.
pub(crate) fn evaluation_line(evaluation: &TableEvaluation) -> String {
    let (name, score, rows) = (evaluation.metric.name(), evaluation.score, evaluation.rows);
    let interval = evaluation
        .interval
        .map_or_else(String::new, |[low, high]| format!(" (95 % interval {low:.4} to {high:.4})"));
    format!("{name} {score:.4}{interval} on {rows} rows that no trial has seen")
}

fn check_data(recipe: &TableRecipe, invocation: &Invocation) -> anyhow::Result<()> {
    let path = recipe.data_path(invocation.data.as_deref());
    if !path.is_file() {
        bail!("the table `{}` does not exist; --data names another place", path.display());
    }
    Ok(())
}

/// The name of a file as the name of a model: small letters, digits and hyphens.
fn model_name(stem: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = stem.chars().map(keep).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "table".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_name_models() {
        for (stem, expected) in [("adult", "adult"), ("My Table (2)", "my-table--2"), ("___", "table")] {
            assert_eq!(model_name(stem), expected);
            assert!(wharf_bundle::check_model_name(expected).is_ok());
        }
    }
}
