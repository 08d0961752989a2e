//! `wharf train`.

mod invocation;
mod overrides;
mod tables;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;
use wharf_runs::Runs;
use wharf_tabular::TableRecipe;
use wharf_train::{Event, Outcome, PublishRequest, Recipe, TrainOptions, train};

pub(crate) use invocation::Invocation;
pub(crate) use tables::{evaluation_line, leaders_table};

use tables::TableJob;

use crate::cli::TrainArgs;
use crate::commands::goldens;
use crate::commands::publishing::{publish_into, published_by, published_line};
use crate::failure::{Hint, Interrupted};
use crate::progress::RunProgress;
use crate::say;
use crate::stop::flag_on_signals;

/// Trains, evaluates and publishes; or saves its state where a signal stops it.
pub(crate) fn run(arguments: TrainArgs) -> anyhow::Result<()> {
    if let Some(job) = table_job(&arguments)? {
        return job.run(&arguments);
    }
    let job = match &arguments.resume {
        Some(run) => Job::resumed(&arguments, run)?,
        None => Job::fresh(&arguments)?,
    };
    if job.invocation.publish {
        // Before hours of training, not after.
        goldens::engine()?;
    }
    let progress = RunProgress::new(arguments.json);
    let options = TrainOptions::new(&job.run_dir)
        .with_resume(arguments.resume.is_some())
        .with_threads(arguments.threads.map_or(0, usize::from))
        .with_data(job.invocation.data.clone())
        .with_stop(flag_on_signals()?);
    let outcome = train(&job.recipe, options, &mut |event: &Event| progress.show(event))?;
    match &outcome.findings {
        Some(_) => finish(&arguments, &job, &outcome),
        None => {
            let id = &outcome.run_id;
            let text =
                format!("interrupted after step {}; `wharf train --resume {id}` continues", outcome.steps);
            Err(Interrupted(text).into())
        }
    }
}

/// The job, where it is one for a table.
fn table_job(arguments: &TrainArgs) -> anyhow::Result<Option<TableJob>> {
    if arguments.auto {
        return TableJob::automatic(arguments).map(Some);
    }
    if let Some(run) = &arguments.resume {
        let run_dir = Runs::new(&arguments.runs.runs).find(if run.is_empty() { "latest" } else { run });
        // What is wrong with the run is said where networks are resumed.
        let Ok(run_dir) = run_dir else { return Ok(None) };
        let text = std::fs::read_to_string(run_dir.join(invocation::RECIPE)).unwrap_or_default();
        let is_one = TableRecipe::is_one(&text);
        if is_one {
            check_resumed(arguments)?;
        }
        return is_one.then(|| TableJob::resumed(arguments, run_dir, &text)).transpose();
    }
    let Some(path) = arguments.recipe.as_deref() else { return Ok(None) };
    let text = std::fs::read_to_string(path).unwrap_or_default();
    TableRecipe::is_one(&text).then(|| TableJob::fresh(arguments, &text, folder_of(path))).transpose()
}

/// The folder that a recipe's relative paths start from.
fn folder_of(recipe: &Path) -> &Path {
    recipe.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn check_resumed(arguments: &TrainArgs) -> anyhow::Result<()> {
    if arguments.recipe.is_some()
        || arguments.epochs.is_some()
        || arguments.seed.is_some()
        || arguments.name.is_some()
    {
        bail!("a resumed run keeps its recipe: leave out the recipe, --epochs, --seed and --name");
    }
    Ok(())
}

/// A run to make or to continue.
struct Job {
    recipe: Recipe,
    run_dir: PathBuf,
    invocation: Invocation,
}

impl Job {
    fn fresh(arguments: &TrainArgs) -> anyhow::Result<Self> {
        let path = arguments.recipe.as_deref().context("which recipe?")?;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let text = overrides::apply(&text, arguments)?;
        let invocation = Invocation {
            recipe_folder: std::path::absolute(folder_of(path))?,
            data: arguments.data.as_deref().map(std::path::absolute).transpose()?,
            publish: !arguments.no_publish,
        };
        let recipe = Recipe::parse(&text, &invocation.recipe_folder)
            .with_context(|| format!("recipe `{}`", path.display()))?;
        check_data(&recipe, &invocation)?;
        let run_dir = Runs::new(&arguments.runs.runs).create()?;
        invocation.write(&run_dir)?;
        invocation::keep_recipe(&run_dir, &text)?;
        Ok(Self { recipe, run_dir, invocation })
    }

    fn resumed(arguments: &TrainArgs, run: &str) -> anyhow::Result<Self> {
        check_resumed(arguments)?;
        let run_dir = Runs::new(&arguments.runs.runs).find(if run.is_empty() { "latest" } else { run })?;
        if let Some(published) = invocation::published(&run_dir) {
            bail!("the run in `{}` is complete and published as {published}", run_dir.display());
        }
        let mut invocation = Invocation::read(&run_dir)?;
        if let Some(data) = &arguments.data {
            invocation.data = Some(std::path::absolute(data)?);
        }
        invocation.publish &= !arguments.no_publish;
        let recipe = invocation.recipe(&run_dir)?;
        check_data(&recipe, &invocation)?;
        Ok(Self { recipe, run_dir, invocation })
    }
}

/// A missing data set is the commonest first mistake: say what to do about it.
fn check_data(recipe: &Recipe, invocation: &Invocation) -> anyhow::Result<()> {
    let path = recipe.data_path(invocation.data.as_deref());
    if path.exists() {
        return Ok(());
    }
    let hint = Hint("`wharf data fetch` gets known data sets; --data names another place".to_owned());
    Err(anyhow::anyhow!("the data `{}` does not exist", path.display())).context(hint)
}

fn finish(arguments: &TrainArgs, job: &Job, outcome: &Outcome) -> anyhow::Result<()> {
    let report = job.run_dir.join("report.html");
    if !arguments.json {
        let Some(findings) = &outcome.findings else { return Ok(()) };
        say(format!("evaluation accuracy {:.2} %", findings.evaluation.accuracy * 100.0));
        say(format!("report {}", report.display()));
    }
    if !job.invocation.publish {
        return Ok(());
    }
    let request = PublishRequest::of_run(outcome)?;
    // A run that was killed after it was published, but before it noted so, is not published again.
    let bundle = match published_by(&arguments.repository, &request)? {
        Some(bundle) => bundle,
        None => publish_into(&arguments.repository, &request)?,
    };
    invocation::note_published(
        &job.run_dir,
        &format!("{}/{}", bundle.manifest().name, bundle.manifest().version),
    )?;
    if arguments.json {
        let manifest = bundle.manifest();
        let event = json!({"event": "published", "name": manifest.name, "version": manifest.version,
                           "folder": bundle.folder(), "report": report});
        say(event.to_string());
    } else {
        say(published_line(&bundle));
    }
    Ok(())
}
