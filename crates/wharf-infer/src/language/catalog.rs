//! The language models of a server, by name.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::{LanguageCard, LanguageModel};
use crate::ServiceError;

/// An answer that takes its time.
pub type Answered<'a, T> = Pin<Box<dyn Future<Output = Result<T, ServiceError>> + Send + 'a>>;

/// A model that is loaded, and stays loaded for as long as this lives.
pub struct LanguageLease {
    /// The model.
    pub model: Arc<dyn LanguageModel>,
    /// The adapter that the name asked for, `adapter` in `base:adapter`.
    pub adapter: Option<String>,
    /// What keeps it loaded.
    pub hold: Box<dyn Any + Send + Sync>,
}

impl fmt::Debug for LanguageLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let architecture = &self.model.card().architecture;
        f.debug_struct("LanguageLease")
            .field("architecture", architecture)
            .field("adapter", &self.adapter)
            .finish()
    }
}

/// A model, or a model with an adapter, as lists name it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LanguageEntry {
    /// Its name: `base`, or `base:adapter`.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// The name without its adapter, where it has one.
    pub parent: Option<String>,
    /// Whether it is loaded now.
    pub is_loaded: bool,
    /// What is known of it; nothing of a model that was never loaded, where its file does not say.
    pub card: Option<LanguageCard>,
}

/// The language models that a server has.
pub trait LanguageModels: fmt::Debug + Send + Sync {
    /// The model of a name. One that is not loaded is loaded first.
    ///
    /// # Errors
    /// [`crate::ErrorCode::NotFound`] where there is none; others where it cannot be loaded now.
    fn find<'a>(&'a self, name: &'a str) -> Answered<'a, LanguageLease>;

    /// Every model that may be asked for, sorted by name.
    fn list(&self) -> Vec<LanguageEntry>;

    /// Takes a model away: an adapter is unloaded, a model is unloaded and no more known.
    ///
    /// # Errors
    /// There is none of the name, or this server lets nobody do so.
    fn remove<'a>(&'a self, name: &'a str) -> Answered<'a, ()>;

    /// Unloads a model until it is asked for again, once nobody uses it.
    ///
    /// # Errors
    /// There is none of the name, or this server lets nobody do so.
    fn unload<'a>(&'a self, name: &'a str) -> Answered<'a, ()>;
}
