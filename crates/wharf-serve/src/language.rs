//! The language models among those that are served.

use std::time::{Duration, UNIX_EPOCH};

use wharf_infer::language::{Answered, LanguageCard, LanguageEntry, LanguageLease, LanguageModels, Reply};
use wharf_infer::{ErrorCode, ModelRef, ServiceError};

use crate::{ControlMode, ModelInfo, ModelManager};

/// What stands between the name of a model and that of an adapter.
const ADAPTER: char = ':';
/// After how long whoever asked for a model that is being loaded should ask again.
const LOADING_PAUSE: Duration = Duration::from_secs(1);

impl LanguageModels for ModelManager {
    fn find<'a>(&'a self, name: &'a str) -> Answered<'a, LanguageLease> {
        Box::pin(async move {
            let (base, adapter) = parts(name);
            let reference = ModelRef::latest(base);
            let awake = self.wake(&reference).await?;
            let info = self.signatures(&reference).map_err(|error| self.not_served(base, error))?;
            let model = info.language_model().ok_or_else(|| no_language_model(base))?;
            if let Some(adapter) =
                adapter.filter(|adapter| !model.adapters().iter().any(|known| known == adapter))
            {
                return Err(no_adapter(base, adapter));
            }
            Ok(LanguageLease { model, adapter: adapter.map(str::to_owned), hold: Box::new((awake, info)) })
        })
    }

    fn list(&self) -> Vec<LanguageEntry> {
        let mut entries: Vec<_> =
            self.0.registry.language_models().into_iter().flat_map(|name| self.entries_of(&name)).collect();
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        entries
    }

    fn remove<'a>(&'a self, name: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let (base, adapter) = parts(name);
            match adapter {
                Some(adapter) => self.remove_adapter(base, adapter).await,
                None if self.is_language_model(base) => self.remove_model(base).await,
                None => Err(no_model(base)),
            }
        })
    }

    fn unload<'a>(&'a self, name: &'a str) -> Answered<'a, ()> {
        Box::pin(async move {
            let (base, _) = parts(name);
            match self.is_language_model(base) {
                true => self.rest_now(base).await,
                false => Err(no_model(base)),
            }
        })
    }
}

impl ModelManager {
    /// Why a model does not answer, in words that are not those of TensorFlow Serving.
    fn not_served(&self, name: &str, error: ServiceError) -> ServiceError {
        if let Some(failure) = self.failure(name).filter(|failure| failure.code() != ErrorCode::NotFound) {
            let text = format!("the model `{name}` did not load: {}", failure.message());
            return ServiceError::new(ErrorCode::Unavailable, text);
        }
        match error.code() {
            ErrorCode::NotFound => no_model(name),
            ErrorCode::Unavailable => {
                let text = format!("the model `{name}` is not ready yet: it is being loaded");
                ServiceError::new(ErrorCode::Unavailable, text).with_retry_after(LOADING_PAUSE)
            }
            _ => error,
        }
    }

    fn is_language_model(&self, name: &str) -> bool {
        self.0.registry.language_models().contains(name)
    }

    /// A model and its adapters; one that is not loaded without what only its file tells.
    fn entries_of(&self, name: &str) -> Vec<LanguageEntry> {
        let info = self.signatures(&ModelRef::latest(name)).ok();
        let model = info.as_ref().and_then(ModelInfo::language_model);
        let created = info.as_ref().map_or(0, ModelInfo::loaded_at);
        let card: Option<LanguageCard> = model.as_ref().map(|model| model.card().clone());
        let is_loaded = model.is_some();
        let base = LanguageEntry { name: name.to_owned(), created, parent: None, is_loaded, card };
        let adapters = model.map(|model| model.adapters()).unwrap_or_default().into_iter();
        let adapted = adapters.map(|adapter| LanguageEntry {
            name: format!("{name}{ADAPTER}{adapter}"),
            parent: Some(name.to_owned()),
            ..base.clone()
        });
        adapted.chain([base.clone()]).collect()
    }

    async fn remove_adapter(&self, base: &str, adapter: &str) -> Result<(), ServiceError> {
        let info = self.signatures(&ModelRef::latest(base))?;
        let model = info.language_model().ok_or_else(|| no_language_model(base))?;
        let (sender, gone) = tokio::sync::oneshot::channel();
        let reply: Reply<()> = Box::new(move |answer| {
            // Who asked may have gone.
            let _ = sender.send(answer);
        });
        model.unload_adapter(adapter.to_owned(), reply);
        gone.await.map_err(|_| ServiceError::new(ErrorCode::Unavailable, "the model ended meanwhile"))?
    }

    async fn remove_model(&self, name: &str) -> Result<(), ServiceError> {
        if self.control() != ControlMode::Explicit {
            let text = format!(
                "model `{name}` is served for as long as its files are there; the server was not started with explicit control of models"
            );
            return Err(ServiceError::new(ErrorCode::PermissionDenied, text));
        }
        ModelManager::unload(self, name).await
    }

    /// Unloads a model that its next request loads again.
    async fn rest_now(&self, name: &str) -> Result<(), ServiceError> {
        if self.0.config.on_demand.is_none() {
            let text = format!(
                "model `{name}` cannot be unloaded until it is asked for: the server does not load models by demand"
            );
            return Err(ServiceError::new(ErrorCode::FailedPrecondition, text));
        }
        self.sleep(name).await;
        Ok(())
    }
}

impl ModelInfo {
    /// When it was loaded, in seconds since 1970.
    fn loaded_at(&self) -> u64 {
        let since = self.served.as_ref().and_then(|held| held.0.loaded_at.duration_since(UNIX_EPOCH).ok());
        since.map_or(0, |since| since.as_secs())
    }
}

/// The model and the adapter that a name means.
fn parts(name: &str) -> (&str, Option<&str>) {
    match name.split_once(ADAPTER) {
        Some((base, adapter)) => (base, Some(adapter)),
        None => (name, None),
    }
}

fn no_model(name: &str) -> ServiceError {
    ServiceError::new(ErrorCode::NotFound, format!("the model `{name}` does not exist"))
}

fn no_adapter(base: &str, adapter: &str) -> ServiceError {
    ServiceError::new(ErrorCode::NotFound, format!("the model `{base}` has no adapter `{adapter}`"))
}

fn no_language_model(name: &str) -> ServiceError {
    let text = format!(
        "the model `{name}` is no language model: ask it over the Open Inference Protocol or TensorFlow Serving's"
    );
    ServiceError::new(ErrorCode::FailedPrecondition, text)
}
