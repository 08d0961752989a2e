//! Puts a bundle together and publishes it.

use std::time::SystemTime;

use wharf_bundle::{
    Bundle, CARD_FILE, CheckResult, EngineKind, GOLDENS_FILE, Lineage, Manifest, Repository, Staging, Task,
    sha256, timestamp,
};

use super::card::card;
use super::graph::onnx_model;
use super::request::PublishRequest;
use super::signatures::signatures;
use super::transform::ServingTransform;
use crate::error::TrainError;

/// The most rows that a server runs at once. What the layers keep for a row is a hundred times the row, so that a
/// message within its limit could otherwise ask for more memory than there is.
const MAX_BATCH_SIZE: u32 = 4096;

/// The recipe's place in the bundle.
const RECIPE_FILE: &str = "recipe.toml";

/// Publishes a bundle: graph, signatures, labels, lineage, metrics, baseline, goldens, card and recipe.
///
/// `check` sees the whole bundle before anyone else does; it is meant to replay the goldens through the engine
/// that will serve, and what it refuses vanishes.
///
/// # Errors
/// The network cannot be exported, there are not as many labels as classes, the name does not fit, `check`
/// refuses, the version exists, or the repository cannot be written. In every case nothing of the bundle is
/// left.
pub fn publish(
    request: &PublishRequest<'_>,
    repository: &Repository,
    check: &dyn Fn(&Bundle) -> CheckResult,
) -> Result<Bundle, TrainError> {
    let PublishRequest { recipe, network, labels, .. } = *request;
    let model = onnx_model(network, recipe, labels)?;
    let manifest = manifest(request)?;
    let goldens = request.goldens.cases(network, labels, recipe.export.input)?;
    let goldens = goldens.to_bytes().map_err(TrainError::publish)?;
    let card = card(request, &manifest);
    let staging = repository.stage(&request.name).map_err(TrainError::publish)?;
    let files: [(&str, &[u8]); 4] = [
        (EngineKind::Onnx.weights_file(), &model),
        (GOLDENS_FILE, &goldens),
        (CARD_FILE, card.as_bytes()),
        (RECIPE_FILE, recipe.text.as_bytes()),
    ];
    write_all(&staging, &files)?;
    staging.publish(manifest, request.version, check).map_err(TrainError::publish)
}

fn write_all(staging: &Staging, files: &[(&str, &[u8])]) -> Result<(), TrainError> {
    files.iter().try_for_each(|(name, content)| staging.write(name, content).map_err(TrainError::publish))
}

fn manifest(request: &PublishRequest<'_>) -> Result<Manifest, TrainError> {
    let PublishRequest { recipe, network, findings, .. } = *request;
    let transform = ServingTransform::of(recipe)?;
    let mut manifest = Manifest::new(&request.name, Task::Classification, EngineKind::Onnx);
    manifest.signatures = signatures(network, &transform, recipe.export.input)?;
    manifest.labels = request.labels.to_vec();
    manifest.limits.max_batch_size = Some(MAX_BATCH_SIZE);
    manifest.lineage = Lineage {
        recipe_sha256: Some(sha256(recipe.text.as_bytes())),
        data_sha256: findings.map(|findings| findings.data_sha256.clone()),
        parent: request.parent.clone(),
        seed: Some(recipe.seed),
        run: request.run.clone(),
        wharf_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        created: Some(timestamp(SystemTime::now())),
    };
    manifest.metrics = request.all_metrics();
    manifest.baseline = findings.map(|findings| findings.baseline.clone());
    Ok(manifest)
}
