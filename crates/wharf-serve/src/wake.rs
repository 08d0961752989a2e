//! Loading by demand: waking a model, making place for it, letting idle ones go.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use wharf_infer::{ErrorCode, ModelRef, ServiceError};

use crate::ModelManager;
use crate::control::Desired;
use crate::demand::{Hold, OnDemand};
use crate::lifecycle::{self, Retry};

/// How long a model waits for another to leave the memory.
const PATIENCE: Duration = Duration::from_secs(30);

impl ModelManager {
    /// Loads the model that `reference` names, where models are loaded by demand and it is not loaded, and keeps it
    /// loaded for as long as the result lives. Otherwise does nothing: whether there is such a model is for the caller
    /// to find out.
    ///
    /// # Errors
    /// It cannot be loaded, or there is no place for it.
    pub async fn wake(&self, reference: &ModelRef) -> Result<Option<Hold>, ServiceError> {
        let Some(demand) = &self.0.config.on_demand else { return Ok(None) };
        let name = &reference.name;
        // Held first: what is found loaded stays so.
        let hold = self.0.usage.hold(name);
        if !self.0.registry.is_available(name) && self.0.registry.is_on_call(name) {
            let (manager, demand, name) = (self.clone(), demand.clone(), name.clone());
            self.undisturbed(async move { manager.load_on_demand(&demand, &name).await }).await?;
        }
        Ok(Some(hold))
    }

    /// Whether a model, or one version of it, is not loaded and would be by its first request.
    pub fn is_on_call(&self, name: &str, version: Option<u64>) -> bool {
        !self.0.registry.is_available(name) && self.0.registry.is_version_on_call(name, version)
    }

    /// Goes on with `work` also when the caller is gone: a load that is dropped half-way would leave its model in
    /// between for ever.
    pub(crate) async fn undisturbed<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ServiceError>> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let done = self.0.tasks.spawn(work).await;
        done.map_err(|error| ServiceError::internal("the change was not carried out", error))?
    }

    async fn load_on_demand(&self, demand: &OnDemand, name: &str) -> Result<(), ServiceError> {
        let mut desired = self.0.desired.lock().await;
        let members = lifecycle::members(&desired, name).await?;
        // Held, so that none of them makes place for the next.
        let _held: Vec<Hold> = members.iter().map(|member| self.0.usage.hold(member)).collect();
        for member in &members {
            self.load_one(&mut desired, demand, member).await?;
        }
        self.load_one(&mut desired, demand, name).await
    }

    async fn load_one(
        &self,
        desired: &mut Desired,
        demand: &OnDemand,
        name: &str,
    ) -> Result<(), ServiceError> {
        if self.0.registry.is_available(name) {
            return Ok(());
        }
        if let Some(budget) = demand.memory_budget {
            let needed = lifecycle::weigh(&self.0, desired, name).await?;
            self.make_room(desired, demand, (name, needed), budget).await?;
        }
        if let Some(asked_for) = &mut desired.asked_for {
            asked_for.insert(name.to_owned());
        }
        tracing::info!(model.name = name, "loading on demand");
        lifecycle::refresh_one(&self.0, desired, name, Retry::WhenDue).await?;
        if self.0.registry.is_available(name) {
            return Ok(());
        }
        let failure = self.failure(name);
        Err(match failure {
            Some(failure) => ServiceError::new(ErrorCode::Unavailable, failure.message()),
            None => ServiceError::new(ErrorCode::Unavailable, format!("model `{name}` did not load")),
        })
    }

    /// Unloads what was not used for longest until `needed` bytes more fit into `budget`.
    async fn make_room(
        &self,
        desired: &mut Desired,
        demand: &OnDemand,
        (name, needed): (&str, u64),
        budget: u64,
    ) -> Result<(), ServiceError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let memory = &self.0.memory;
            // Made before looking: what is freed meanwhile is not missed.
            let freed = self.0.usage.freed();
            let loaded = self.0.registry.loaded();
            let pinned = memory.of(demand.pinned.iter().map(String::as_str));
            if pinned.saturating_add(needed) > budget {
                return Err(too_large(name, needed, budget, pinned));
            }
            if memory.total().saturating_add(needed) <= budget {
                return Ok(());
            }
            let movable = loaded.iter().map(String::as_str).filter(|other| !demand.pinned.contains(*other));
            // What drains already may be enough.
            let staying = memory.of(loaded.iter().map(String::as_str));
            let victim = match staying.saturating_add(needed) > budget {
                true => self.0.usage.least_recently_used(movable.filter(|other| *other != name)),
                false => None,
            };
            match victim {
                Some(victim) => self.put_to_sleep(desired, victim, "another model needs its place"),
                None if timeout_at(give_up, freed).await.is_err() => return Err(no_room(name)),
                None => {}
            }
        }
    }

    fn put_to_sleep(&self, desired: &mut Desired, name: &str, reason: &str) {
        tracing::info!(model.name = name, reason, "unloading");
        if let Some(asked_for) = &mut desired.asked_for {
            asked_for.remove(name);
        }
        self.0.registry.unload(name);
        self.0.sequences.end(name);
    }

    /// Unloads a model that its next request loads again.
    pub(crate) async fn sleep(&self, name: &str) {
        let mut desired = self.0.desired.lock().await;
        self.put_to_sleep(&mut desired, name, "somebody asked for that");
    }

    /// Unloads models that nobody asks for, until the server stops.
    pub(crate) async fn rest(&self) {
        let demand = self.0.config.on_demand.as_ref();
        let Some((demand, time)) = demand.and_then(|demand| Some((demand, demand.idle_timeout?))) else {
            return std::future::pending().await;
        };
        let mut clock = tokio::time::interval((time / 4).max(Duration::from_millis(10)));
        loop {
            clock.tick().await;
            let mut desired = self.0.desired.lock().await;
            let loaded = self.0.registry.loaded();
            let movable = loaded.iter().filter(|name| !demand.pinned.contains(*name)).map(String::as_str);
            for name in self.0.usage.idle_for(time, movable) {
                self.put_to_sleep(&mut desired, name, "nobody asks for it");
            }
        }
    }
}

fn too_large(name: &str, needed: u64, budget: u64, pinned: u64) -> ServiceError {
    let text = format!(
        "model `{name}` needs {needed} bytes, the memory budget is {budget} bytes, of which pinned models take {pinned}"
    );
    ServiceError::new(ErrorCode::Overloaded, text)
}

fn no_room(name: &str) -> ServiceError {
    let text = format!("model `{name}` found no place in the memory budget: all other models are in use");
    ServiceError::new(ErrorCode::Overloaded, text)
}

/// The models that could be loaded, as the last look found them.
pub(crate) type Catalog = BTreeMap<String, OnCall>;

/// A model that could be loaded.
#[derive(Debug, Default)]
pub(crate) struct OnCall {
    /// Its versions.
    pub(crate) versions: BTreeSet<u64>,
    /// Whether it writes or embeds text.
    pub(crate) is_language: bool,
}
