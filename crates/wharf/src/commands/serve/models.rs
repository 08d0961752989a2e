//! Which models are served, and keeping up with what that is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use wharf_api::{LogWarmUp, TfsWarmUp};
use wharf_engine::Isolation;
use wharf_metrics::Registry;
use wharf_serve::{
    BatchConfig, CacheConfig, ControlMode, MODEL_SERVER_CONFIG, ModelConfig, ModelLocation, ModelManager,
    OnDemand, ServeConfig, ServeLimits, read_batching_parameters, read_model_server_config,
};

use super::announce;
use crate::cli::{Control, IsolationArg, ServeArgs};
use crate::commands::engines;

/// The server of the models that `arguments` name; nothing is loaded yet.
pub(super) fn manager(arguments: &ServeArgs, metrics: &Registry) -> anyhow::Result<ModelManager> {
    let mut limits = ServeLimits::default().with_parallel_loads(usize::from(arguments.parallel_loads));
    let (batching, threads) = batching(arguments)?;
    if let Some(threads) = arguments.threads.map(usize::from).or(threads) {
        limits = limits.with_workers(threads);
    }
    let sequences = arguments.max_sequences.unwrap_or(limits.max_sequences);
    let of_caller = arguments.max_sequences_per_caller.unwrap_or(limits.max_sequences_of_caller);
    limits = limits.with_max_sequences(sequences, of_caller);
    if let Some(bytes) = arguments.max_sequence_memory {
        limits = limits.with_max_sequence_bytes(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
    let mut config = ServeConfig::default().with_limits(limits).with_control(control(arguments)?);
    config = config.with_metrics(metrics.clone()).with_default_batching(batching);
    config.default_policy = arguments.versions.clone();
    config.load = config
        .load
        .with_intra_threads(usize::from(arguments.intra_threads))
        .with_inter_threads(usize::from(arguments.inter_threads))
        .with_isolation(match arguments.isolation {
            IsolationArg::Shared => Isolation::Shared,
            IsolationArg::Process => Isolation::Process,
        });
    config.isolated = arguments.isolate.iter().cloned().collect();
    if !arguments.no_warm_up {
        config =
            config.with_warm_up(Arc::new(TfsWarmUp::default())).with_warm_up(Arc::new(LogWarmUp::default()));
    }
    if let Some(log) = &arguments.warm_up_log {
        // Without it no version would load.
        if !log.is_file() {
            bail!("--warm-up-log: there is no file `{}`", log.display());
        }
        config = config.with_warm_up(Arc::new(LogWarmUp::of_log(log)));
    }
    if let Some(cache) = cache(arguments) {
        config = config.with_cache(cache);
    }
    config.allow_labels_for_unavailable = arguments.allow_version_labels_for_unavailable_models;
    config.watches_files = !arguments.no_file_events;
    for label in &arguments.label {
        config = config.with_label(&label.model, &label.label, label.version);
    }
    if let Some(demand) = on_demand(arguments)? {
        config = config.with_on_demand(demand);
    }
    for folder in &arguments.reload_root {
        config = config.with_reload_root(existing(folder)?);
    }
    for name in &arguments.load {
        config = config.with_load_at_start(name);
    }
    if let Some(file) = &arguments.model_config_file {
        for model in read_models(file)? {
            config = config.with_model(model);
        }
    } else {
        for location in locations(arguments)? {
            config = config.with_location(location);
        }
    }
    Ok(config.build(engines::all(arguments.language.options())?)?)
}

fn on_demand(arguments: &ServeArgs) -> anyhow::Result<Option<OnDemand>> {
    let is_wanted =
        arguments.on_demand || arguments.memory_budget.is_some() || arguments.unload_after.is_some();
    if !is_wanted {
        if !arguments.pin.is_empty() {
            bail!("--pin needs --on-demand: otherwise every model stays");
        }
        return Ok(None);
    }
    if arguments.control == Control::Explicit {
        bail!(
            "--on-demand and --control explicit exclude each other: who loads, the first request or an operator?"
        );
    }
    let mut demand = OnDemand::default();
    demand.memory_budget = arguments.memory_budget;
    demand.idle_timeout = arguments.unload_after.map(Duration::from_secs);
    demand.pinned = arguments.pin.iter().cloned().collect();
    Ok(Some(demand))
}

/// Whose answers are remembered.
fn cache(arguments: &ServeArgs) -> Option<CacheConfig> {
    let size_bytes = usize::try_from(arguments.cache_bytes?).unwrap_or(usize::MAX);
    let cache = CacheConfig::new(size_bytes);
    Some(arguments.cache_model.iter().fold(cache, |cache, name| match name.as_str() {
        "*" => cache.with_all_models(),
        name => cache.with_model(name),
    }))
}

/// How requests are joined, and by how many threads run if the file says so.
fn batching(arguments: &ServeArgs) -> anyhow::Result<(BatchConfig, Option<usize>)> {
    let (mut batching, mut threads) = (BatchConfig::default(), None);
    if let Some(file) = &arguments.batching_parameters_file {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let read = read_batching_parameters(&text).map_err(|error| anyhow!("{}:{error}", file.display()))?;
        let settings = read.settings().map_err(|error| anyhow!("{}: {error}", file.display()))?;
        (batching, threads) = (settings.batching, settings.workers);
    }
    if let Some(target) = arguments.p99_target_ms {
        batching = batching.with_p99_target(Duration::from_millis(target));
    }
    if let Some(requests) = arguments.max_queue_size {
        batching.queue = batching.queue.with_max_waiting(requests);
    }
    if let Some(instances) = arguments.instances {
        batching = batching.with_instances(usize::from(instances));
    }
    Ok((batching, threads))
}

fn control(arguments: &ServeArgs) -> anyhow::Result<ControlMode> {
    if !arguments.load.is_empty() && arguments.control != Control::Explicit {
        bail!("--load needs --control explicit: under the others everything is loaded");
    }
    Ok(match arguments.control {
        Control::None => ControlMode::None,
        Control::Poll => ControlMode::Poll(Duration::from_secs(arguments.poll_interval)),
        Control::Explicit => ControlMode::Explicit,
    })
}

/// Where models come from: what was given, or else the folder `repository`.
fn locations(arguments: &ServeArgs) -> anyhow::Result<Vec<ModelLocation>> {
    let mut locations = Vec::new();
    if let Some(path) = &arguments.path {
        locations.push(ModelLocation::model(existing(path)?));
    }
    for (name, path) in &arguments.model {
        locations.push(ModelLocation::named_model(name, existing(path)?));
    }
    match &arguments.repository {
        Some(root) => locations.push(ModelLocation::repository(existing(root)?)),
        None if locations.is_empty() => {
            locations.push(ModelLocation::repository(existing(Path::new("repository"))?))
        }
        None => {}
    }
    Ok(locations)
}

fn existing(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.exists() {
        bail!("`{}` does not exist, expected a repository, a bundle or an .onnx file", path.display());
    }
    Ok(path.to_owned())
}

/// The models that a file lists. Scripts look for the words of TensorFlow Serving where it cannot be read.
fn read_models(file: &Path) -> anyhow::Result<Vec<ModelConfig>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    read_model_server_config(&text).map_err(|error| {
        anyhow!("Error parsing text-format {MODEL_SERVER_CONFIG}: {}:{error}", file.display())
    })
}

/// Loads what comes and unloads what goes, for as long as the server runs.
pub(super) async fn keep_up(manager: &ModelManager, arguments: &ServeArgs) {
    let seconds = arguments.model_config_file_poll_wait_seconds;
    match &arguments.model_config_file {
        Some(file) if seconds > 0 => {
            tokio::join!(manager.watch(), follow(manager, file, Duration::from_secs(seconds)));
        }
        _ => manager.watch().await,
    }
}

/// Reads the file again and again. What it says is served once it has changed and can be read; otherwise what was
/// served goes on.
async fn follow(manager: &ModelManager, file: &Path, every: Duration) {
    let mut served = read_models(file).ok();
    loop {
        tokio::time::sleep(every).await;
        let outcome = match read_models(file) {
            Ok(models) if served.as_ref() == Some(&models) => continue,
            Ok(models) => {
                let outcome = manager.reconfigure(models.clone()).await.map_err(anyhow::Error::from);
                served = Some(models);
                outcome
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => announce(format!("serving what `{}` now says", file.display())),
            Err(error) => announce(format!("`{}` was not taken over: {error:#}", file.display())),
        }
    }
}
