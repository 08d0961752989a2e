//! Publishing what was trained or imported, once its goldens reproduce in the serving engine.

use anyhow::Context;
use wharf_bundle::{Bundle, CheckResult, Repository};
use wharf_engine::Engine;
use wharf_train::{PublishRequest, publish};

use crate::cli::RepositoryArg;
use crate::commands::goldens;

/// Publishes into the repository, which is made if it is not there.
pub(crate) fn publish_into(
    repository: &RepositoryArg,
    request: &PublishRequest<'_>,
) -> anyhow::Result<Bundle> {
    let root = &repository.repository;
    let engine = goldens::engine()?;
    let repository = Repository::create(root)
        .with_context(|| format!("cannot use `{}` as a repository", root.display()))?;
    Ok(publish(request, &repository, &check_goldens(engine.as_ref()))?)
}

/// What a bundle has to pass before it is published.
pub(crate) fn check_goldens(engine: &dyn Engine) -> impl Fn(&Bundle) -> CheckResult {
    move |bundle| {
        wharf_engine::replay_goldens(bundle, engine)?;
        Ok(())
    }
}

/// The version that the run of `request` has already been published as, if it was.
pub(crate) fn published_by(
    repository: &RepositoryArg,
    request: &PublishRequest<'_>,
) -> anyhow::Result<Option<Bundle>> {
    request.run.as_deref().map_or(Ok(None), |run| of_run(repository, &request.name, run))
}

/// The version of the model `name` that the run of this id has been published as, if it was.
pub(crate) fn of_run(repository: &RepositoryArg, name: &str, run: &str) -> anyhow::Result<Option<Bundle>> {
    if !repository.repository.exists() {
        return Ok(None);
    }
    let repository = Repository::open(&repository.repository)?;
    let versions = repository.versions(name)?;
    // One that does not open was not published by this run, which would have published it whole.
    let mut bundles = versions.into_iter().rev().filter_map(|version| repository.bundle(name, version).ok());
    Ok(bundles.find(|bundle| bundle.manifest().lineage.run.as_deref() == Some(run)))
}

/// What a person is told of a new bundle.
pub(crate) fn published_line(bundle: &Bundle) -> String {
    let manifest = bundle.manifest();
    format!("published {}/{} in {}", manifest.name, manifest.version, bundle.folder().display())
}
