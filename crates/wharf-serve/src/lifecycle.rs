//! Loads what is wanted, unloads what no longer is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use wharf_bundle::{BundleError, BundleErrorKind};
use wharf_engine::LoadedModel;
use wharf_infer::{ErrorCode, ServiceError};

use crate::cache::CachePart;
use crate::control::Desired;
use crate::demand::resident_bytes;
use crate::encode::EncoderFace;
use crate::ensemble;
use crate::ensemble::all_wanted;
use crate::loader;
use crate::location::{BundlePlace, Found};
use crate::manager::Inner;
use crate::served::{ServedModel, Settings};
use crate::wake::{Catalog, OnCall};
use crate::warm_up::warm_up;
use crate::{ControlMode, ModelLocation, TritonConfig, VersionPolicy, VersionState};

/// One version that is to be served.
struct Wanted {
    name: String,
    version: u64,
    place: BundlePlace,
}

/// Which of the versions that failed before are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// All of them: somebody asks for it.
    Now,
    /// Those that have waited for long enough: nobody asks.
    WhenDue,
}

/// Brings the registry in line with the locations. New versions load before old ones go, so that a model which
/// answers goes on answering.
pub(crate) async fn refresh(
    server: &Arc<Inner>,
    desired: &Desired,
    retry: Retry,
) -> Result<(), ServiceError> {
    let mut found = look(desired).await?;
    if server.config.on_demand.is_some() {
        server.registry.set_catalog(catalog(desired, &found));
    }
    let wanted = all_wanted(&found, |name| desired.wants(name));
    found.retain(|name, _| wanted.contains(name));
    settle(server, desired, found, None, retry).await;
    Ok(())
}

/// Brings the versions of one model in line with its location.
///
/// # Errors
/// The locations cannot be read, or hold no such model.
pub(crate) async fn refresh_one(
    server: &Arc<Inner>,
    desired: &Desired,
    name: &str,
    retry: Retry,
) -> Result<(), ServiceError> {
    let mut found = look(desired).await?;
    found.retain(|model, _| model == name);
    if found.is_empty() {
        return Err(ServiceError::new(ErrorCode::NotFound, "there is no such model"));
    }
    settle(server, desired, found, Some(name), retry).await;
    Ok(())
}

/// The models that have to be loaded before `name` can be, those first that others need.
pub(crate) async fn members(desired: &Desired, name: &str) -> Result<Vec<String>, ServiceError> {
    Ok(ensemble::members(&look(desired).await?, name))
}

/// The versions that are served of each model once it is loaded.
fn catalog(desired: &Desired, found: &Found) -> Catalog {
    let chosen = found.iter().map(|(name, places)| {
        let there = places.keys().copied().collect();
        let versions: BTreeSet<u64> = policy(desired, name, places).choose(&there).into_iter().collect();
        let newest = versions.last().and_then(|version| Some((*version, places.get(version)?)));
        let is_language = newest.is_some_and(|(version, place)| place.is_language_model(name, version));
        (name.clone(), OnCall { versions, is_language })
    });
    chosen.collect()
}

/// The bytes of the files of the versions of a model that are to be loaded.
pub(crate) async fn weigh(server: &Arc<Inner>, desired: &Desired, name: &str) -> Result<u64, ServiceError> {
    let mut found = look(desired).await?;
    found.retain(|model, _| model == name);
    let wanted = choose(server, desired, &mut found);
    let engine = Arc::clone(&server.engine);
    let weight = move |wanted: &Wanted| wanted.place.needed_bytes(&*engine, &wanted.name, wanted.version);
    spawn_blocking(move || Ok(wanted.iter().map(weight).sum())).await.map_err(joined)?
}

/// Every version that the locations hold.
pub(crate) async fn look(desired: &Desired) -> Result<Found, ServiceError> {
    let locations = desired.locations.clone();
    spawn_blocking(move || find(&locations)).await.map_err(joined)?
}

/// Loads what is wanted of `found`, then unloads what is not; of one model only where `scope` names it.
async fn settle(server: &Arc<Inner>, desired: &Desired, mut found: Found, scope: Option<&str>, retry: Retry) {
    let there: Versions = found.iter().flat_map(|(name, places)| ids(name, places.keys())).collect();
    let wanted = choose(server, desired, &mut found);
    let keep: Versions = wanted.iter().map(|wanted| (wanted.name.clone(), wanted.version)).collect();
    let is_to_load = |wanted: &Wanted| is_to_load(server, wanted, retry);
    load(server, wanted.into_iter().filter(is_to_load).collect()).await;
    fall_back(server, desired, found, retry).await;
    unload(server, scope, &there, &keep);
}

type Versions = BTreeSet<(String, u64)>;

fn ids<'a>(
    name: &'a str,
    versions: impl Iterator<Item = &'a u64> + 'a,
) -> impl Iterator<Item = (String, u64)> {
    versions.map(|version| (name.to_owned(), *version))
}

/// A damaged newest version does not hide a good older one: where none of the newest answers, the next older ones
/// are tried.
async fn fall_back(server: &Arc<Inner>, desired: &Desired, rest: Found, retry: Retry) {
    for (name, places) in rest {
        if !matches!(policy(desired, &name, &places), VersionPolicy::Latest(_)) {
            continue;
        }
        for (version, place) in places.into_iter().rev() {
            let wanted = Wanted { name: name.clone(), version, place };
            if server.registry.is_available(&name) {
                break;
            }
            if is_to_load(server, &wanted, retry) {
                tracing::warn!(
                    model.name = name,
                    model.version = version,
                    "falling back to an older version"
                );
                load(server, vec![wanted]).await;
            }
        }
    }
}

/// Unloads what is not to be kept. A version whose files are still there stays until one that is wanted answers
/// in its place: a successor that fails to load must not take its predecessor with it.
fn unload(server: &Inner, scope: Option<&str>, there: &Versions, keep: &Versions) {
    let all = server.registry.all();
    let available = all.into_iter().filter(|(_, _, state)| *state == VersionState::Available);
    let available: Versions = available.map(|(name, version, _)| (name, version)).collect();
    let in_scope = |(name, _): &&(String, u64)| scope.is_none_or(|scope| scope == name);
    for id in available.difference(keep).filter(in_scope) {
        let (name, version) = id;
        let has_successor = available.intersection(keep).any(|(kept, _)| kept == name);
        if has_successor || !there.contains(id) {
            tracing::info!(model.name = name, model.version = version, "unloading");
            server.registry.unloading(name, *version);
            if !has_successor {
                server.sequences.end(name);
            }
        }
    }
}

fn find(locations: &[ModelLocation]) -> Result<Found, ServiceError> {
    let mut all = Found::new();
    for location in locations {
        check_base_path(location)?;
        for (name, versions) in location.find().map_err(|error| of_bundle(&error))? {
            if all.insert(name.clone(), versions).is_some() {
                let message = format!("model `{name}` comes from two places, expected one");
                return Err(ServiceError::new(ErrorCode::FailedPrecondition, message));
            }
        }
    }
    Ok(all)
}

/// Whoever names a path is told that it is not there, in the words of TensorFlow Serving.
fn check_base_path(location: &ModelLocation) -> Result<(), ServiceError> {
    match location {
        ModelLocation::Model { name, path } if !path.exists() => {
            let (path, name) = (path.display(), name.as_deref().unwrap_or_default());
            let text = format!("Could not find base path {path} for servable {name}");
            Err(ServiceError::new(ErrorCode::NotFound, text))
        }
        _ => Ok(()),
    }
}

/// Which versions of a model are served: as the server was told, or else as the model's own configuration has it.
fn policy(desired: &Desired, name: &str, places: &BTreeMap<u64, BundlePlace>) -> VersionPolicy {
    let configured = places.values().find_map(|place| place.configured.as_ref());
    let own = configured.and_then(|configured| configured.parts()?.1.policy.clone());
    match desired.policies.get(name) {
        Some(told) => told.clone(),
        None => own.unwrap_or_else(|| desired.default_policy.clone()),
    }
}

/// Takes out of `found` what is wanted.
fn choose(server: &Inner, desired: &Desired, found: &mut Found) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (name, places) in found {
        let versions = places.keys().copied().collect();
        let mut chosen = policy(desired, name, places).choose(&versions);
        // What requests are sent to is served.
        let traffic = server.registry.traffic(name).unwrap_or_default();
        chosen.extend(traffic.versions().filter(|version| versions.contains(version)));
        for version in chosen {
            if let Some(place) = places.remove(&version) {
                wanted.push(Wanted { name: name.clone(), version, place });
            }
        }
    }
    wanted
}

fn is_to_load(server: &Inner, wanted: &Wanted, retry: Retry) -> bool {
    let Wanted { name, version, place } = wanted;
    let state = server.registry.state(name, *version);
    let is_out = matches!(state, None | Some(VersionState::End | VersionState::Unloading));
    let is_to_load = is_out || server.registry.is_outdated(name, *version, place.stamp);
    is_to_load && (retry == Retry::Now || server.registry.is_due(name, *version, place.stamp))
}

/// Loads every one of `wanted`, an ensemble after its members; what fails takes nothing else with it.
async fn load(server: &Arc<Inner>, mut wanted: Vec<Wanted>) {
    for wanted in &wanted {
        server.registry.loading(&wanted.name, wanted.version, VersionState::Start);
    }
    while !wanted.is_empty() {
        let coming: BTreeSet<String> = wanted.iter().map(|wanted| wanted.name.clone()).collect();
        let waits = |wanted: &Wanted| wanted.place.members().any(|member| coming.contains(member));
        let (waiting, ready): (Vec<_>, Vec<_>) = wanted.into_iter().partition(waits);
        // Where all wait for each other, each is told so when it finds no member.
        let (now, later) = if ready.is_empty() { (waiting, ready) } else { (ready, waiting) };
        load_together(server, now).await;
        wanted = later;
    }
}

/// Loads every one of `wanted`, a few at a time.
async fn load_together(server: &Arc<Inner>, wanted: Vec<Wanted>) {
    let turns = Arc::new(Semaphore::new(server.config.limits.parallel_loads.max(1)));
    let mut loads = JoinSet::new();
    for wanted in wanted {
        let (server, turns) = (Arc::clone(server), Arc::clone(&turns));
        loads.spawn(async move {
            let _turn = turns.acquire_owned().await;
            load_one(&server, wanted).await;
        });
    }
    loads.join_all().await;
}

async fn load_one(server: &Arc<Inner>, wanted: Wanted) {
    let Wanted { name, version, place } = wanted;
    server.registry.loading(&name, version, VersionState::Loading);
    let (stamp, started) = (place.stamp, Instant::now());
    let (inner, label) = (Arc::clone(server), name.clone());
    let outcome = loader::on_thread(move || open(&inner, &label, version, &place)).await;
    match outcome {
        Ok(served) => {
            tracing::info!(model.name = name, model.version = version, "available");
            served.metrics.loaded(started.elapsed());
            server.registry.available(Arc::new(served), stamp);
        }
        Err(error) => {
            let detail = error.detail().unwrap_or_default();
            tracing::error!(model.name = name, model.version = version, %error, detail, "not loaded");
            server.metrics.life_of(&name).failures.increment();
            let tries_again = matches!(server.config.control, ControlMode::Poll(_));
            server.registry.failed((&name, version), &error, stamp, tries_again);
        }
    }
}

/// Opens, verifies, loads and tries a bundle. Blocks.
fn open(
    server: &Arc<Inner>,
    name: &str,
    version: u64,
    place: &BundlePlace,
) -> Result<ServedModel, ServiceError> {
    let demand = server.config.on_demand.as_ref();
    let before = demand.filter(|demand| !demand.counts_files_only).map(|_| resident_bytes());
    let settings = Settings::of(&server.config, name, place.configured.as_ref())?;
    if let Some(config) = place.ensemble() {
        return open_ensemble(server, (name, version), config, settings);
    }
    if let Some(runs) = settings.batching.instances {
        let failed = |error| ServiceError::internal("the server cannot start its threads", error);
        server.pool.grow(runs).map_err(failed)?;
    }
    // Nobody waits for a model that is loaded while others answer; one that is loaded by demand is waited for.
    if demand.is_none() && !server.registry.loaded().is_empty() {
        loader::step_back(&settings.load);
    }
    let bundle = place.open(name, version).map_err(|error| of_bundle(&error))?;
    bundle.verify().map_err(|error| of_bundle(&error))?;
    let model = LoadedModel::load(&bundle, &*server.engine, &settings.load)?;
    let report = model.replay(&bundle)?;
    tracing::debug!(model.name = name, model.version = version, ?report, "goldens replayed");
    let metrics = server.metrics.model(name, version, model.signatures());
    let registry = Arc::downgrade(&server.registry);
    let is_cached = settings.is_cached;
    let mut served = ServedModel::new((name, version), model, settings, metrics, registry)?;
    served.encoder = EncoderFace::of(&bundle, served.model.encoder(), Arc::downgrade(server)).map(Arc::new);
    served.cache = is_cached.then(|| answers(server, &served)).flatten();
    served.warm_up().map_err(not_warm)?;
    for source in &server.config.warm_up {
        let requests =
            warm_up(&**source, bundle.folder(), &served.info(), &served.model).map_err(not_warm)?;
        tracing::debug!(model.name = name, model.version = version, requests, "warmed up");
    }
    if demand.is_some() {
        let grown = before.map_or(0, |before| resident_bytes().saturating_sub(before));
        let bytes = grown.max(place.needed_bytes(&*server.engine, name, version));
        served.taken = Some(server.memory.take(&server.usage, name, bytes));
    }
    Ok(served)
}

/// Opens an ensemble over the models that answer now. Blocks.
fn open_ensemble(
    server: &Inner,
    (name, version): (&str, u64),
    config: &Arc<TritonConfig>,
    settings: Settings,
) -> Result<ServedModel, ServiceError> {
    let (model, ensemble) = ensemble::open(name, config, &server.registry.routes())?;
    let metrics = server.metrics.model(name, version, model.signatures());
    let registry = Arc::downgrade(&server.registry);
    let mut served = ServedModel::new((name, version), model, settings, metrics, registry)?;
    served.ensemble = Some(ensemble);
    Ok(served)
}

/// A place for the answers of a version that are to be remembered.
fn answers(server: &Inner, served: &ServedModel) -> Option<CachePart> {
    match &server.cache {
        Some(cache) => {
            served.metrics.caches();
            Some(cache.part())
        }
        None => {
            tracing::warn!(model.name = served.name, "answers are not remembered: the server has no cache");
            None
        }
    }
}

fn not_warm(error: ServiceError) -> ServiceError {
    let failure = ServiceError::new(error.code(), format!("warm-up failed: {}", error.message()));
    match error.detail() {
        Some(detail) => failure.with_detail(detail),
        None => failure,
    }
}

/// What is wrong with a bundle, without the paths in the library's own message.
fn of_bundle(error: &BundleError) -> ServiceError {
    let (code, message) = match error.kind() {
        // Names a file, and no place.
        BundleErrorKind::Format => {
            return ServiceError::new(ErrorCode::FailedPrecondition, error.to_string());
        }
        BundleErrorKind::NotFound => (ErrorCode::NotFound, "the model's files are missing"),
        _ => (ErrorCode::DataLoss, "the model's files are damaged or do not belong together"),
    };
    ServiceError::new(code, message).with_detail(error)
}

fn joined(error: tokio::task::JoinError) -> ServiceError {
    ServiceError::internal("loading failed", error)
}
