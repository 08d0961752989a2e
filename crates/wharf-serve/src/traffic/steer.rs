//! Spreading the requests of a model while the server runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use wharf_infer::{ErrorCode, ServiceError};

use super::guard::Ending;
use super::{Guard, Traffic, TrafficReport, VersionTraffic};
use crate::control::Desired;
use crate::lifecycle::{self, Retry};
use crate::{ModelManager, VersionState};

/// Client words are cut to this many characters in messages.
const MAX_SHOWN: usize = 256;

impl ModelManager {
    /// Spreads the requests of a model that name no version over these; `None` gives them to the newest again. Loads
    /// what has a part of them. Returns when that has settled.
    ///
    /// # Errors
    /// There is no such model, it has no such version, the parts make no sense, or the locations cannot be read.
    pub async fn set_traffic(&self, name: &str, traffic: Option<Traffic>) -> Result<(), ServiceError> {
        let (manager, name) = (self.clone(), name.to_owned());
        self.undisturbed(async move { manager.set_traffic_now(&name, traffic).await }).await
    }

    async fn set_traffic_now(&self, name: &str, traffic: Option<Traffic>) -> Result<(), ServiceError> {
        traffic.iter().try_for_each(Traffic::check)?;
        let desired = self.0.desired.lock().await;
        let versions = self.versions_of(&desired, name).await?;
        if versions.is_empty() && !self.knows(name) {
            return Err(unknown(name));
        }
        if let Some(traffic) = &traffic {
            check_versions(name, traffic, &versions)?;
            if traffic.shadow.is_some() {
                self.0.start_shadows()?;
            }
        }
        tracing::info!(model.name = name, ?traffic, "traffic changed");
        self.0.registry.set_traffic(name, traffic.as_ref());
        match desired.wants(name) && !versions.is_empty() {
            true => lifecycle::refresh_one(&self.0, &desired, name, Retry::Now).await,
            false => Ok(()),
        }
    }

    /// The versions of a model that are there.
    async fn versions_of(&self, desired: &Desired, name: &str) -> Result<BTreeSet<u64>, ServiceError> {
        let found = lifecycle::look(desired).await?.remove(name);
        Ok(found.into_iter().flat_map(BTreeMap::into_keys).collect())
    }

    /// Gives all requests of a model that name no version to this one, also when newer ones come.
    ///
    /// # Errors
    /// The version does not answer.
    pub async fn promote(&self, name: &str, version: u64) -> Result<(), ServiceError> {
        let _no_change_meanwhile = self.0.desired.lock().await;
        self.promote_now(name, version)
    }

    /// Promotes the one version that has a smaller part of the requests than another. Says which that was.
    ///
    /// # Errors
    /// There is no such version, or more than one, or it does not answer.
    pub async fn promote_canary(&self, name: &str) -> Result<u64, ServiceError> {
        let _no_change_meanwhile = self.0.desired.lock().await;
        let traffic = self.0.registry.traffic(name).unwrap_or_default();
        let canaries = traffic.canaries();
        let refused = |why: String| {
            let text = format!("failed to promote '{}', {why}", shown(name));
            Err(ServiceError::new(ErrorCode::FailedPrecondition, text))
        };
        match canaries.as_slice() {
            [] if !self.knows(name) => Err(unknown(name)),
            [] => refused("no version of it has the smaller part of the requests".to_owned()),
            [version] => self.promote_now(name, *version).map(|()| *version),
            several => refused(format!("expected the `version`: {several:?} all have a smaller part")),
        }
    }

    fn promote_now(&self, name: &str, version: u64) -> Result<(), ServiceError> {
        if !self.knows(name) {
            return Err(unknown(name));
        }
        if self.0.registry.state(name, version) != Some(VersionState::Available) {
            let text = format!("failed to promote '{}', version {version} is not available", shown(name));
            return Err(ServiceError::new(ErrorCode::FailedPrecondition, text));
        }
        tracing::info!(model.name = name, model.version = version, "promoted");
        self.0.registry.set_traffic(name, Some(&Traffic::only(version)));
        Ok(())
    }

    /// The parts of the requests that versions of a model get; empty where the newest gets all. One that broke its
    /// bounds has 0, and its status says why.
    pub fn traffic(&self, name: &str) -> BTreeMap<u64, u32> {
        self.0.registry.traffic(name).map(|traffic| traffic.weights).unwrap_or_default()
    }

    /// How the requests of a model are spread, and what came of it.
    ///
    /// # Errors
    /// The model was never heard of.
    pub fn traffic_report(&self, name: &str) -> Result<TrafficReport, ServiceError> {
        let statuses = self.0.registry.status(name);
        if statuses.is_empty() {
            return Err(unknown(name));
        }
        let traffic = self.0.registry.traffic(name);
        let routes = self.0.registry.routes();
        let versions = statuses.into_iter().map(|status| {
            let served = routes.ready(name, Some(status.version));
            let weight = traffic.as_ref().and_then(|traffic| traffic.weights.get(&status.version));
            VersionTraffic::new(status, weight.copied(), served.map(|served| &*served.metrics))
        });
        Ok(TrafficReport { versions: versions.collect(), traffic, shadow: self.0.registry.shadow(name) })
    }

    /// Counts an answer of a watched version, and takes the requests from it once it breaks its bounds.
    pub(super) fn judge(&self, guard: &Arc<Guard>, ending: Ending, elapsed: Duration) {
        let Some(reason) = guard.record(ending, elapsed) else { return };
        if self.0.registry.withdraw(guard, &reason) {
            let (name, version) = (&guard.model, guard.version);
            self.0.metrics.life_of(name).rollbacks.increment();
            tracing::warn!(model.name = name, model.version = version, reason, "rolled back");
        }
    }
}

/// Parts go to versions that there are: one that was mistyped would never get any.
fn check_versions(name: &str, traffic: &Traffic, versions: &BTreeSet<u64>) -> Result<(), ServiceError> {
    let named = traffic.weights.keys().map(|version| ("weights", *version));
    let mut named = named.chain(traffic.shadow.map(|shadow| ("shadow", shadow.version)));
    let missing = named.find(|(_, version)| !versions.contains(version));
    let Some((field, version)) = missing else { return Ok(()) };
    let (name, there) = (shown(name), versions.iter().map(u64::to_string).collect::<Vec<_>>().join(", "));
    let text =
        format!("`{field}` names version {version} of model `{name}`, expected one that is there: {there}");
    Err(ServiceError::invalid_argument(text))
}

fn unknown(name: &str) -> ServiceError {
    let text = format!("Could not find any versions of model {}", shown(name));
    ServiceError::new(ErrorCode::NotFound, text)
}

fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN).collect()
}
