//! The chosen model as a new version of its parent.

use std::collections::BTreeMap;
use std::time::SystemTime;

use wharf_bundle::{
    Bundle, CARD_FILE, GOLDENS_FILE, GoldenCase, Goldens, Manifest, Repository, Staging, timestamp,
};
use wharf_engine::{
    Engine, LoadOptions, LoadedModel, ModelSource, StopSignal, replay_goldens, signature_of_graph,
};
use wharf_infer::NamedTensor;

use crate::OptimizeError;
use crate::report::{OUTCOME_FILE, outcome_json};
use crate::search::{Entry, Outcome};

/// What is published.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The bundle that was optimised.
    pub parent: &'a Bundle,
    /// What was found; its choice is published.
    pub outcome: &'a Outcome,
    /// The name of the model; that of the parent where absent.
    pub name: Option<&'a str>,
    /// The version; one more than the highest where absent.
    pub version: Option<u64>,
    /// The run that found it.
    pub run: Option<&'a str>,
}

/// Publishes the chosen model: the parent's signatures, labels, limits and other files, the new weights, goldens that the
/// new graph gives for the parent's golden inputs, and the outcome as [`OUTCOME_FILE`]. The lineage names the parent by the
/// digest of its manifest. The goldens are replayed in `engine` before anyone sees the bundle.
///
/// The parent's metrics are kept as `parent.<name>`; what was measured is `optimise.<name>`.
///
/// # Errors
/// Nothing was chosen, a file cannot be read or written, the new model does not fit the signatures, or the bundle is
/// refused. In every case nothing of the bundle is left.
pub fn publish(
    publication: &Publication<'_>,
    repository: &Repository,
    engine: &dyn Engine,
) -> Result<Bundle, OptimizeError> {
    let Publication { parent, outcome, .. } = *publication;
    let (Some(entry), Some(content)) = (outcome.chosen(), &outcome.model) else {
        return Err(OptimizeError::request("no candidate was chosen, so there is nothing to publish"));
    };
    let manifest = manifest(publication, entry);
    let goldens = goldens(parent, &manifest, content, engine)?;
    let staging = repository.stage(&manifest.name)?;
    copy_others(&staging, parent)?;
    staging.write(manifest.engine.weights_file(), content)?;
    staging.write(OUTCOME_FILE, outcome_json(outcome)?.as_bytes())?;
    staging.write(CARD_FILE, card(parent, outcome, entry)?.as_bytes())?;
    if let Some(goldens) = goldens {
        staging.write(GOLDENS_FILE, &goldens.to_bytes()?)?;
    }
    let check = |bundle: &Bundle| replay_goldens(bundle, engine).map(drop).map_err(Into::into);
    Ok(staging.publish(manifest, publication.version, check)?)
}

fn manifest(publication: &Publication<'_>, entry: &Entry) -> Manifest {
    let parent = publication.parent.manifest();
    let mut manifest = parent.clone();
    if let Some(name) = publication.name {
        name.clone_into(&mut manifest.name);
    }
    manifest.lineage.parent = parent.manifest_sha256.clone();
    manifest.lineage.run = publication.run.map(str::to_owned);
    manifest.lineage.wharf_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    manifest.lineage.created = Some(timestamp(SystemTime::now()));
    manifest.metrics = metrics(parent, entry);
    manifest
}

fn metrics(parent: &Manifest, entry: &Entry) -> BTreeMap<String, f64> {
    let before = parent.metrics.iter().map(|(name, value)| (format!("parent.{name}"), *value));
    let measured = [
        (entry.metric.as_str(), entry.quality),
        ("loss", entry.loss.mean),
        ("loss_low", entry.loss.low),
        ("loss_high", entry.loss.high),
        ("size_bytes", entry.size_bytes as f64),
        ("p50_ms", entry.latency.p50_ms),
        ("p99_ms", entry.latency.p99_ms),
        ("speed_up", entry.speed_up),
    ];
    before.chain(measured.map(|(name, value)| (format!("optimise.{name}"), value))).collect()
}

/// What the new graph gives for the parent's golden inputs. Signatures that the manifest does not hold, such as the text
/// signature of an encoder, go without.
fn goldens(
    parent: &Bundle,
    manifest: &Manifest,
    content: &[u8],
    engine: &dyn Engine,
) -> Result<Option<Goldens>, OptimizeError> {
    let Some(goldens) = parent.goldens()? else { return Ok(None) };
    let load = || OptimizeError::engine("load the chosen model");
    let replica = engine.load(ModelSource::Bytes(content), &LoadOptions::default()).map_err(load())?;
    let mut signatures = manifest.signatures.clone();
    if signatures.is_empty() {
        let default = signature_of_graph(replica.inputs(), replica.outputs());
        signatures.insert(wharf_bundle::DEFAULT_SIGNATURE.to_owned(), default);
    }
    let model = LoadedModel::new(replica, signatures, manifest.labels.clone()).map_err(load())?;
    let mut cases = BTreeMap::new();
    for (signature, case) in goldens.cases {
        if model.signatures().contains_key(&signature) {
            cases.insert(signature.clone(), replayed(&model, &signature, case)?);
        }
    }
    Ok((!cases.is_empty()).then_some(Goldens { cases }))
}

fn replayed(model: &LoadedModel, signature: &str, case: GoldenCase) -> Result<GoldenCase, OptimizeError> {
    let inputs: Vec<NamedTensor> =
        case.inputs.iter().map(|(name, tensor)| NamedTensor::new(name.as_str(), tensor.clone())).collect();
    let names: Vec<String> = case.outputs.keys().cloned().collect();
    let run = || {
        model
            .check(signature, &inputs, &names)
            .and_then(|()| model.run(signature, &inputs, &names, &StopSignal::never()))
    };
    let outputs = run().map_err(|error| {
        OptimizeError::model(format!(
            "the chosen model does not run the golden of signature `{signature}`: {error}"
        ))
    })?;
    let outputs = outputs.into_iter().map(|output| (output.name.to_string(), output.tensor)).collect();
    Ok(GoldenCase { inputs: case.inputs, outputs })
}

/// Everything of the parent that is not made anew: recipe, tokenizer and the like.
fn copy_others(staging: &Staging, parent: &Bundle) -> Result<(), OptimizeError> {
    let weights = parent.manifest().engine.weights_file();
    let made = [weights, GOLDENS_FILE, CARD_FILE, OUTCOME_FILE];
    for file in parent.manifest().files.iter().filter(|file| !made.contains(&file.path.as_str())) {
        staging.copy_from(&file.path, &parent.folder().join(&file.path))?;
    }
    Ok(())
}

/// The parent's card with a part about what was done.
fn card(parent: &Bundle, outcome: &Outcome, entry: &Entry) -> Result<String, OptimizeError> {
    let manifest = parent.manifest();
    let before = match parent.card()? {
        Some(card) => String::from_utf8_lossy(&card).into_owned(),
        None => format!("# {}\n", manifest.name),
    };
    let [mean, low, high] = [entry.loss.mean, entry.loss.low, entry.loss.high].map(|share| share * 100.0);
    let size = outcome.baseline().map_or(0, |baseline| baseline.size_bytes);
    Ok(format!(
        "{}\n\n## Optimised\n\n\
         Made from version {} by: {}.\n\n\
         - size: {} bytes, before {size}\n\
         - {}: {:.4}, {mean:.2} points lost (95 %: {low:.2} to {high:.2}) on {} samples\n\
         - latency of one sample: p50 {:.3} ms, p99 {:.3} ms, {:.2} times as fast as before\n\
         - calibrated on {} samples, whose ids are in `{OUTCOME_FILE}`\n\n\
         What stands above is about the model before that.\n",
        before.trim_end(),
        manifest.version,
        entry.name,
        entry.size_bytes,
        entry.metric,
        entry.quality,
        outcome.evaluation_samples,
        entry.latency.p50_ms,
        entry.latency.p99_ms,
        entry.speed_up,
        outcome.calibration_ids.len(),
    ))
}
