//! What operators may ask of a running server: load, unload, list, reconfigure.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use wharf_bundle::check_model_name;
use wharf_infer::{ErrorCode, ServiceError};

use crate::control::Desired;
use crate::file_changes::FileChanges;
use crate::lifecycle::{self, Retry};
use crate::registry::{Labels, ON_CALL};
use crate::{ControlMode, IndexEntry, ModelConfig, ModelLocation, ModelManager, VersionState};

/// Client words are cut to this many characters in messages.
const MAX_SHOWN: usize = 256;

impl ModelManager {
    /// Who decides what is loaded.
    pub fn control(&self) -> ControlMode {
        self.0.config.control
    }

    /// Whether any version of a model answers, be it that its first request loads it.
    pub fn is_available(&self, name: &str) -> bool {
        self.0.registry.is_available(name) || self.0.registry.is_on_call(name)
    }

    /// Loads the versions of a model that its policy wants, and keeps it loaded. Returns when they have settled.
    ///
    /// # Errors
    /// Models are not loaded on request, there is no such model, or one of the versions could not be loaded; what
    /// was served before still is.
    pub async fn load(&self, name: &str) -> Result<(), ServiceError> {
        let (manager, name) = (self.clone(), name.to_owned());
        self.undisturbed(async move { manager.load_now(&name).await }).await
    }

    async fn load_now(&self, name: &str) -> Result<(), ServiceError> {
        let mut desired = self.0.desired.lock().await;
        asked_for(&mut desired)?;
        let failed = |error: &ServiceError| {
            let text = format!("failed to load '{}', {}", shown(name), error.message());
            let failure = ServiceError::new(error.code(), text);
            error.detail().map_or_else(|| failure.clone(), |detail| failure.clone().with_detail(detail))
        };
        for member in lifecycle::members(&desired, name).await? {
            asked_for(&mut desired)?.insert(member.clone());
            if !self.0.registry.is_available(&member) {
                // One that fails is named by the ensemble that needs it.
                lifecycle::refresh_one(&self.0, &desired, &member, Retry::Now).await?;
            }
        }
        lifecycle::refresh_one(&self.0, &desired, name, Retry::Now).await.map_err(|error| failed(&error))?;
        asked_for(&mut desired)?.insert(name.to_owned());
        match self.failure(name) {
            Some(error) => Err(failed(&error)),
            None => Ok(()),
        }
    }

    /// Unloads a model: it is routed to no more, and gone once its last request is done.
    ///
    /// # Errors
    /// Models are not loaded on request, or this one is not loaded.
    pub async fn unload(&self, name: &str) -> Result<(), ServiceError> {
        let mut desired = self.0.desired.lock().await;
        let was_wanted = asked_for(&mut desired)?.remove(name);
        let was_loaded = self.0.registry.unload(name);
        self.0.sequences.end(name);
        if was_loaded || was_wanted {
            return Ok(());
        }
        let text = format!("failed to unload '{}', it is not loaded", shown(name));
        Err(ServiceError::new(ErrorCode::NotFound, text))
    }

    /// Unloads an ensemble together with its members; any other model alone.
    ///
    /// # Errors
    /// Models are not loaded on request, or this one is not loaded.
    pub async fn unload_with_members(&self, name: &str) -> Result<(), ServiceError> {
        let members = lifecycle::members(&*self.0.desired.lock().await, name).await?;
        self.unload(name).await?;
        for member in members {
            match self.unload(&member).await {
                Err(error) if error.code() != ErrorCode::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything that is loaded, was, or could be: models by name, their versions ascending.
    ///
    /// # Errors
    /// A location cannot be read.
    pub async fn index(&self) -> Result<Vec<IndexEntry>, ServiceError> {
        let found = lifecycle::look(&*self.0.desired.lock().await).await?;
        let mut index = self.0.registry.index();
        let known: BTreeSet<String> = index.iter().map(|entry| entry.name.clone()).collect();
        let unheard = found.into_keys().filter(|name| !known.contains(name));
        let state = VersionState::End;
        let reason = |name: &str| if self.0.registry.is_on_call(name) { ON_CALL } else { "" }.to_owned();
        index.extend(unheard.map(|name| IndexEntry { reason: reason(&name), name, version: None, state }));
        index.sort_by(|one, other| (&one.name, one.version).cmp(&(&other.name, other.version)));
        Ok(index)
    }

    /// Serves these models from now on and no others: what is new is loaded, what is absent unloaded. Returns when
    /// all have settled.
    ///
    /// # Errors
    /// The list contradicts itself, or a label names a version that is not available: then nothing changes. Or one
    /// of the models did not become available: the others did.
    pub async fn reconfigure(&self, models: Vec<ModelConfig>) -> Result<(), ServiceError> {
        let manager = self.clone();
        self.undisturbed(async move { manager.reconfigure_now(models).await }).await
    }

    async fn reconfigure_now(&self, models: Vec<ModelConfig>) -> Result<(), ServiceError> {
        let mut desired = self.0.desired.lock().await;
        let changed = changed(&desired, &models)?;
        // First whether they may be looked at: a refusal says nothing of what is there.
        let changed = check_roots(changed).await?;
        lifecycle::look(&changed).await?;
        let labels: Labels = models.iter().map(|model| (model.name.clone(), model.labels.clone())).collect();
        self.check_labels(&labels)?;
        *desired = changed;
        self.0.registry.set_labels(labels);
        let names = models.iter().map(|model| model.name.as_str()).collect();
        self.0.registry.retain_traffic(&names);
        lifecycle::refresh(&self.0, &desired, Retry::Now).await?;
        let mut failures = models.iter().filter_map(|model| self.failure(&model.name));
        failures.next().map_or(Ok(()), Err)
    }

    /// Under [`ControlMode::Poll`], refreshes time and again, and unloads models that nobody asks for where they are
    /// loaded by demand; until the server stops.
    pub async fn watch(&self) {
        let mut closing = self.0.closing.subscribe();
        let stopped = closing.wait_for(|is_closing| *is_closing);
        tokio::select! {
            _ = stopped => {}
            () = self.poll() => {}
            () = self.rest() => {}
        }
    }

    async fn poll(&self) {
        let ControlMode::Poll(interval) = self.0.config.control else { return std::future::pending().await };
        let mut clock = tokio::time::interval(interval.max(Duration::from_millis(1)));
        clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut changes = FileChanges::new(self.0.config.watches_files);
        // The first tick comes at once, just after the start has looked.
        clock.tick().await;
        loop {
            changes.watch(&self.0.desired.lock().await.locations);
            tokio::select! {
                _ = clock.tick() => {}
                () = changes.settled() => {}
            }
            let desired = self.0.desired.lock().await;
            if let Err(error) = lifecycle::refresh(&self.0, &desired, Retry::WhenDue).await {
                tracing::warn!(%error, detail = error.detail(), "the models cannot be looked at");
            }
        }
    }

    /// Why a model has a version that could not be loaded, where the newest is one.
    pub(crate) fn failure(&self, name: &str) -> Option<ServiceError> {
        let newest = self.0.registry.status(name).into_iter().next();
        match newest {
            Some(status) => status.error.map(|(code, message)| ServiceError::new(code, message)),
            None => {
                Some(ServiceError::new(ErrorCode::NotFound, format!("no versions of `{name}` were found")))
            }
        }
    }

    /// Whether the versions are available that the configuration gives names to. Asked once they have been loaded; models
    /// that wait for their first request, or for somebody to load them, are left out.
    ///
    /// # Errors
    /// One is not, and labels for such are not allowed.
    pub fn check_labels_at_start(&self) -> Result<(), ServiceError> {
        if self.0.config.allow_labels_for_unavailable {
            return Ok(());
        }
        let labels = self.0.registry.labels();
        let waits = |model: &str, label: &str| {
            let version = labels.get(model).and_then(|labels| labels.get(label));
            let is_to_come = self.control() == ControlMode::Explicit && !self.is_available(model);
            is_to_come || version.is_some_and(|version| self.is_on_call(model, Some(*version)))
        };
        self.check_available(&labels, waits)
    }

    /// The rule of TensorFlow Serving: a label goes to a version that answers at present.
    fn check_labels(&self, labels: &Labels) -> Result<(), ServiceError> {
        let before = self.0.registry.labels();
        let is_new =
            |model: &str, label: &str| !before.get(model).is_some_and(|labels| labels.contains_key(label));
        let is_allowed =
            |model: &str, label: &str| is_new(model, label) && self.0.config.allow_labels_for_unavailable;
        self.check_available(labels, is_allowed)
    }

    /// Whether every version with a label answers, but for those labels that are allowed anyway.
    fn check_available(
        &self,
        labels: &Labels,
        is_allowed: impl Fn(&str, &str) -> bool,
    ) -> Result<(), ServiceError> {
        for (model, labels) in labels {
            for (label, version) in labels {
                let state = self.0.registry.state(model, *version);
                if state == Some(VersionState::Available) || is_allowed(model, label) {
                    continue;
                }
                // In the words of TensorFlow Serving.
                let text = format!(
                    "Request to assign label to version {version} of model {model}, which is not currently \
                     available for inference"
                );
                return Err(ServiceError::new(ErrorCode::FailedPrecondition, text));
            }
        }
        Ok(())
    }
}

fn asked_for(desired: &mut Desired) -> Result<&mut BTreeSet<String>, ServiceError> {
    desired.asked_for.as_mut().ok_or_else(|| {
        let text = "explicit model load / unload is not allowed if polling is enabled";
        ServiceError::new(ErrorCode::Unavailable, text)
    })
}

/// What is desired once `models` are all there is.
fn changed(desired: &Desired, models: &[ModelConfig]) -> Result<Desired, ServiceError> {
    let mut names = BTreeSet::new();
    for model in models {
        check_model_name(&model.name).map_err(|error| ServiceError::invalid_argument(error.to_string()))?;
        if !names.insert(model.name.clone()) {
            let text = format!("Illegal to list model {} multiple times in config list", model.name);
            return Err(ServiceError::invalid_argument(text));
        }
    }
    let location = |model: &ModelConfig| ModelLocation::named_model(&model.name, &model.base_path);
    Ok(Desired {
        locations: models.iter().map(location).collect(),
        policies: models.iter().map(|model| (model.name.clone(), model.policy.clone())).collect(),
        default_policy: desired.default_policy.clone(),
        asked_for: desired.asked_for.as_ref().map(|_| names),
        roots: Arc::clone(&desired.roots),
    })
}

/// Refuses models from where none may come.
async fn check_roots(desired: Desired) -> Result<Desired, ServiceError> {
    let checked = tokio::task::spawn_blocking(move || {
        let is_refused = |location: &&ModelLocation| match location {
            ModelLocation::Repository(path) | ModelLocation::Model { path, .. } => !desired.allows(path),
        };
        match desired.locations.iter().find(is_refused) {
            None => Ok(desired),
            Some(_) => {
                let text = "a model's base path is not in a folder that this server may load from";
                Err(ServiceError::new(ErrorCode::PermissionDenied, text))
            }
        }
    });
    checked.await.map_err(|error| ServiceError::internal("the configuration cannot be checked", error))?
}

fn shown(name: &str) -> String {
    name.chars().take(MAX_SHOWN).collect()
}
