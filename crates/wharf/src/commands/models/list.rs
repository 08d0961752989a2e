//! `wharf models ls`.

use serde_json::json;
use wharf_bundle::{Bundle, Repository};

use crate::say;
use crate::table::Table;

/// Lists every version of every model, newest last; damaged ones too, with what is wrong.
pub(super) fn run(repository: &Repository, json: bool) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for model in repository.models()? {
        for version in repository.versions(&model)? {
            rows.push((model.clone(), version, repository.bundle(&model, version)));
        }
    }
    if json {
        let rows: Vec<_> =
            rows.iter().map(|(model, version, bundle)| as_json(model, *version, bundle)).collect();
        say(serde_json::to_string_pretty(&rows)?);
    } else if rows.is_empty() {
        say(format!("repository `{}` is empty", repository.root().display()));
    } else {
        say(as_table(&rows));
    }
    Ok(())
}

type Row = (String, u64, Result<Bundle, wharf_bundle::BundleError>);

fn as_json(
    model: &str,
    version: u64,
    bundle: &Result<Bundle, wharf_bundle::BundleError>,
) -> serde_json::Value {
    match bundle {
        Ok(bundle) => {
            let manifest = bundle.manifest();
            json!({"name": model, "version": version, "task": manifest.task, "size_bytes": size_bytes(bundle),
                   "created": manifest.lineage.created, "metrics": manifest.metrics})
        }
        Err(error) => json!({"name": model, "version": version, "error": error.to_string()}),
    }
}

fn as_table(rows: &[Row]) -> String {
    let mut table = Table::new(&["MODEL", ">VERSION", ">SIZE", "CREATED", "METRICS"]);
    for (model, version, bundle) in rows {
        let [size, created, metrics] = match bundle {
            Ok(bundle) => [
                format!("{:.1} KiB", size_bytes(bundle) as f64 / 1024.0),
                bundle.manifest().lineage.created.clone().unwrap_or_else(|| "-".into()),
                metrics_line(bundle),
            ],
            Err(error) => ["-".into(), "-".into(), format!("damaged: {error}")],
        };
        table.row([model.clone(), version.to_string(), size, created, metrics]);
    }
    table.render()
}

/// The bytes that the manifest vouches for; of a folder without one, the weights.
pub(super) fn size_bytes(bundle: &Bundle) -> u64 {
    if bundle.has_manifest() {
        return bundle.manifest().files.iter().map(|file| file.size_bytes).sum();
    }
    let weights = bundle.weights_path().ok().and_then(|path| path.metadata().ok());
    weights.map_or(0, |metadata| metadata.len())
}

/// `test.accuracy 0.912, test.loss 0.25`.
fn metrics_line(bundle: &Bundle) -> String {
    let metrics = bundle.manifest().metrics.iter().map(|(name, value)| format!("{name} {value:.4}"));
    metrics.collect::<Vec<_>>().join(", ")
}
