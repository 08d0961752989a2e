//! Publishing what was trained or imported, once its goldens reproduce in the serving engine.

use anyhow::Context;
use wharf_bundle::{Bundle, CheckResult, Repository};
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
    let check = |bundle: &Bundle| -> CheckResult {
        wharf_engine::replay_goldens(bundle, engine.as_ref())?;
        Ok(())
    };
    Ok(publish(request, &repository, &check)?)
}

/// The version that the run of `request` has already been published as, if it was.
pub(crate) fn published_by(
    repository: &RepositoryArg,
    request: &PublishRequest<'_>,
) -> anyhow::Result<Option<Bundle>> {
    if request.run.is_none() || !repository.repository.exists() {
        return Ok(None);
    }
    let repository = Repository::open(&repository.repository)?;
    let versions = repository.versions(&request.name)?;
    // One that does not open was not published by this run, which would have published it whole.
    let bundles =
        versions.into_iter().rev().filter_map(|version| repository.bundle(&request.name, version).ok());
    Ok(bundles.into_iter().find(|bundle| bundle.manifest().lineage.run == request.run))
}

/// What a person is told of a new bundle.
pub(crate) fn published_line(bundle: &Bundle) -> String {
    let manifest = bundle.manifest();
    format!("published {}/{} in {}", manifest.name, manifest.version, bundle.folder().display())
}
