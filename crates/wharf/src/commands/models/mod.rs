//! `wharf models`: look at, check and remove published models, and spread the requests of a server over them.

use anyhow::{Context, bail};
use wharf_bundle::{Bundle, Repository};
use wharf_engine::Engine;
use wharf_llm::LlmOptions;

use crate::cli::ModelsCommand;
use crate::commands::{engines, goldens};
use crate::model_name::ModelName;
use crate::say;

mod list;
mod show;
mod traffic;

/// Runs one of the subcommands.
pub(crate) fn run(command: ModelsCommand) -> anyhow::Result<()> {
    match command {
        ModelsCommand::Ls { json, repository } => list::run(&Repository::open(&repository.repository)?, json),
        ModelsCommand::Show { model, json, repository } => {
            let repository = Repository::open(&repository.repository)?;
            show::run(&bundle_of(&repository, &model.parse()?)?, json)
        }
        ModelsCommand::Verify { model, repository } => {
            verify(&Repository::open(&repository.repository)?, model.as_deref())
        }
        ModelsCommand::Rm { model, all, repository } => {
            remove(&Repository::open(&repository.repository)?, &model.parse()?, all)
        }
        ModelsCommand::Traffic(arguments) => traffic::run(&arguments),
        ModelsCommand::Promote(arguments) => traffic::promote(&arguments),
    }
}

/// The bundle that `name` means: the version it gives, or else the newest.
pub(crate) fn bundle_of(repository: &Repository, name: &ModelName) -> anyhow::Result<Bundle> {
    let version = match name.version {
        Some(version) => version,
        None => *published(repository, &name.name)?.last().context("no version")?,
    };
    Ok(repository.bundle(&name.name, version)?)
}

/// The versions of a model, ascending; an error where there are none.
fn published(repository: &Repository, model: &str) -> anyhow::Result<Vec<u64>> {
    let versions = repository.versions(model)?;
    if versions.is_empty() {
        let known = repository.models()?;
        let known =
            if known.is_empty() { "it is empty".to_owned() } else { format!("it has {}", known.join(", ")) };
        bail!("model `{model}` is not in repository `{}`: {known}", repository.root().display());
    }
    Ok(versions)
}

fn verify(repository: &Repository, model: Option<&str>) -> anyhow::Result<()> {
    let mut wanted = Vec::new();
    match model.map(str::parse::<ModelName>).transpose()? {
        Some(ModelName { name, version: Some(version) }) => wanted.push((name, version)),
        Some(ModelName { name, version: None }) => {
            wanted.extend(published(repository, &name)?.into_iter().map(|version| (name.clone(), version)));
        }
        None => {
            for name in repository.models()? {
                wanted.extend(repository.versions(&name)?.into_iter().map(|version| (name.clone(), version)));
            }
        }
    }
    let engine = engines::all(LlmOptions::default())?;
    let mut failed = 0;
    for (name, version) in &wanted {
        match verify_one(repository, engine.as_ref(), name, *version) {
            Ok(report) => say(format!("ok      {name}/{version}  {report}")),
            Err(error) => {
                failed += 1;
                say(format!("failed  {name}/{version}  {error:#}"));
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} versions failed", wanted.len());
    }
    Ok(())
}

fn verify_one(
    repository: &Repository,
    engine: &dyn Engine,
    name: &str,
    version: u64,
) -> anyhow::Result<String> {
    let bundle = repository.bundle(name, version)?;
    let files = bundle.verify()?;
    let goldens = goldens::replay(engine, bundle.folder())?;
    Ok(format!("{files} files match their hashes, {goldens}"))
}

fn remove(repository: &Repository, model: &ModelName, all: bool) -> anyhow::Result<()> {
    let versions = match (model.version, all) {
        (Some(version), false) => vec![version],
        (None, true) => published(repository, &model.name)?,
        (Some(_), true) => bail!("give either a version or --all, not both"),
        (None, false) => bail!("which version of `{}`? give `{0}/VERSION`, or --all", model.name),
    };
    for version in versions {
        repository.remove(&model.name, version)?;
        say(format!("removed {}/{version}", model.name));
    }
    Ok(())
}
