//! Puts a bundle together and publishes it.

use std::time::SystemTime;

use wharf_bundle::{
    Bundle, CARD_FILE, CheckResult, EngineKind, GOLDENS_FILE, Lineage, Manifest, Repository, Task, sha256,
    timestamp,
};

use super::card::card;
use super::goldens::goldens;
use super::signature::signatures;
use crate::TabularError;
use crate::options::TableOutcome;
use crate::recipe::TableTask;

/// The most rows that a server runs at once.
const MAX_BATCH_SIZE: u32 = 65_536;

/// The recipe's place in the bundle.
const RECIPE_FILE: &str = "recipe.toml";

/// Publishes what a finished run has chosen: graph, signature with its column program, labels, lineage, metrics,
/// goldens, card and recipe.
///
/// `check` sees the whole bundle before anyone else does; it is meant to replay the goldens through the engine that
/// will serve, and what it refuses vanishes.
///
/// # Errors
/// The model has no graph, `check` refuses, the version exists, or the repository cannot be written. In every case
/// nothing of the bundle is left.
pub fn publish(
    outcome: &TableOutcome,
    name: &str,
    repository: &Repository,
    check: &dyn Fn(&Bundle) -> CheckResult,
) -> Result<Bundle, TabularError> {
    let model = outcome.chosen.fitted.to_onnx(name).map_err(TabularError::publish)?.to_bytes();
    let manifest = manifest(outcome, name);
    let goldens = goldens(&outcome.chosen, &outcome.golden_rows)?;
    let card = card(outcome, &manifest);
    let staging = repository.stage(name).map_err(TabularError::publish)?;
    let files: [(&str, &[u8]); 3] = [
        (EngineKind::Onnx.weights_file(), &model),
        (CARD_FILE, card.as_bytes()),
        (RECIPE_FILE, outcome.recipe.text.as_bytes()),
    ];
    for (file, content) in files {
        staging.write(file, content).map_err(TabularError::publish)?;
    }
    if !goldens.cases.is_empty() {
        let goldens = goldens.to_bytes().map_err(TabularError::publish)?;
        staging.write(GOLDENS_FILE, &goldens).map_err(TabularError::publish)?;
    }
    staging.publish(manifest, None, check).map_err(TabularError::publish)
}

fn manifest(outcome: &TableOutcome, name: &str) -> Manifest {
    let task = match outcome.task {
        TableTask::Classification => Task::Classification,
        TableTask::Regression => Task::Regression,
    };
    let mut manifest = Manifest::new(name, task, EngineKind::Onnx);
    manifest.signatures = signatures(&outcome.chosen.program, &outcome.chosen.labels);
    manifest.labels.clone_from(&outcome.chosen.labels);
    manifest.limits.max_batch_size = Some(MAX_BATCH_SIZE);
    manifest.lineage = Lineage {
        recipe_sha256: Some(sha256(outcome.recipe.text.as_bytes())),
        data_sha256: Some(outcome.data_sha256.clone()),
        parent: None,
        seed: Some(outcome.recipe.seed),
        run: Some(outcome.run_id.clone()),
        wharf_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        created: Some(timestamp(SystemTime::now())),
    };
    let test = outcome.evaluation.metrics.iter().map(|(name, value)| (format!("test.{name}"), *value));
    manifest.metrics = test.collect();
    if let Some([low, high]) = outcome.evaluation.interval {
        let name = outcome.evaluation.metric.name();
        manifest.metrics.insert(format!("test.{name}.low"), low);
        manifest.metrics.insert(format!("test.{name}.high"), high);
    }
    manifest
}
