//! Loads what is wanted, unloads what no longer is.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use wharf_bundle::{BundleError, BundleErrorKind};
use wharf_engine::LoadedModel;
use wharf_infer::{ErrorCode, ServiceError};

use crate::location::{BundlePlace, Found};
use crate::manager::Inner;
use crate::served::{RunCost, ServedModel};
use crate::{ModelLocation, VersionState};

/// One version that is to be served.
struct Wanted {
    name: String,
    version: u64,
    place: BundlePlace,
}

/// Brings the registry in line with the locations. New versions load before old ones go, so that a model which
/// answers goes on answering.
pub(crate) async fn refresh(server: &Arc<Inner>) -> Result<(), ServiceError> {
    let locations = server.config.locations.clone();
    let found = spawn_blocking(move || find(&locations)).await.map_err(joined)??;
    let there: Versions = found.iter().flat_map(|(name, places)| ids(name, places.keys())).collect();
    let wanted = choose(server, found);
    let keep: Versions = wanted.iter().map(|wanted| (wanted.name.clone(), wanted.version)).collect();
    load(server, wanted.into_iter().filter(|wanted| is_to_load(server, wanted)).collect()).await;
    unload(server, &there, &keep);
    Ok(())
}

type Versions = BTreeSet<(String, u64)>;

fn ids<'a>(
    name: &'a str,
    versions: impl Iterator<Item = &'a u64> + 'a,
) -> impl Iterator<Item = (String, u64)> {
    versions.map(|version| (name.to_owned(), *version))
}

/// Unloads what is not to be kept. A version whose files are still there stays until one that is wanted answers
/// in its place: a successor that fails to load must not take its predecessor with it.
fn unload(server: &Inner, there: &Versions, keep: &Versions) {
    let available: Versions = server
        .registry
        .all()
        .into_iter()
        .filter(|(_, _, state)| *state == VersionState::Available)
        .map(|(name, version, _)| (name, version))
        .collect();
    for id in available.difference(keep) {
        let (name, version) = id;
        let has_successor = available.intersection(keep).any(|(kept, _)| kept == name);
        if has_successor || !there.contains(id) {
            tracing::info!(model.name = name, model.version = version, "unloading");
            server.registry.set(name, *version, VersionState::Unloading);
        }
    }
}

fn find(locations: &[ModelLocation]) -> Result<Found, ServiceError> {
    let mut all = Found::new();
    for location in locations {
        for (name, versions) in location.find().map_err(|error| of_bundle(&error))? {
            if all.insert(name.clone(), versions).is_some() {
                let message = format!("model `{name}` comes from two places, expected one");
                return Err(ServiceError::new(ErrorCode::FailedPrecondition, message));
            }
        }
    }
    Ok(all)
}

fn choose(server: &Inner, found: Found) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (name, mut places) in found {
        let policy = server.config.policies.get(&name).unwrap_or(&server.config.default_policy);
        for version in policy.choose(&places.keys().copied().collect()) {
            if let Some(place) = places.remove(&version) {
                wanted.push(Wanted { name: name.clone(), version, place });
            }
        }
    }
    wanted
}

fn is_to_load(server: &Inner, wanted: &Wanted) -> bool {
    let state = server.registry.state(&wanted.name, wanted.version);
    matches!(state, None | Some(VersionState::End | VersionState::Unloading))
}

/// Loads every one of `wanted`, a few at a time; what fails takes nothing else with it.
async fn load(server: &Arc<Inner>, wanted: Vec<Wanted>) {
    for wanted in &wanted {
        server.registry.set(&wanted.name, wanted.version, VersionState::Start);
    }
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
    server.registry.set(&name, version, VersionState::Loading);
    let (on_thread, label) = (Arc::clone(server), name.clone());
    let outcome = spawn_blocking(move || open(&on_thread, &label, version, &place)).await;
    match outcome.map_err(joined).and_then(|outcome| outcome) {
        Ok(served) => {
            tracing::info!(model.name = name, model.version = version, "available");
            server.registry.available(Arc::new(served));
        }
        Err(error) => {
            let detail = error.detail().unwrap_or_default();
            tracing::error!(model.name = name, model.version = version, %error, detail, "not loaded");
            server.registry.failed(&name, version, &error);
        }
    }
}

/// Opens, verifies, loads and tries a bundle. Blocks.
fn open(server: &Inner, name: &str, version: u64, place: &BundlePlace) -> Result<ServedModel, ServiceError> {
    let bundle = place.open(name, version).map_err(|error| of_bundle(&error))?;
    bundle.verify().map_err(|error| of_bundle(&error))?;
    let model = LoadedModel::load(&bundle, &*server.engine, &server.config.load)?;
    let report = model.replay(&bundle)?;
    tracing::debug!(model.name = name, model.version = version, ?report, "goldens replayed");
    Ok(ServedModel {
        name: name.to_owned(),
        version,
        model,
        cost: RunCost::default(),
        registry: Arc::downgrade(&server.registry),
    })
}

/// What is wrong with a bundle, without the paths in the library's own message.
fn of_bundle(error: &BundleError) -> ServiceError {
    let (code, message) = match error.kind() {
        BundleErrorKind::NotFound => (ErrorCode::NotFound, "the model's files are missing"),
        _ => (ErrorCode::DataLoss, "the model's files are damaged or do not belong together"),
    };
    ServiceError::new(code, message).with_detail(error)
}

fn joined(error: tokio::task::JoinError) -> ServiceError {
    ServiceError::internal("loading failed", error)
}
