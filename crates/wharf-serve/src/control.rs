//! Who decides what is loaded, and what the server can say of what it could load.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::{ModelLocation, ServeConfig, VersionPolicy, VersionState};

/// Who decides what is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ControlMode {
    /// What is there when [`crate::ModelManager::refresh`] is called.
    #[default]
    None,
    /// What is there, looked at this often by [`crate::ModelManager::watch`].
    Poll(Duration),
    /// What [`crate::ModelManager::load`] asks for, and what the configuration loads at the start.
    Explicit,
}

/// One model under its name, as a configuration of the whole server lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// The name under which it is served.
    pub name: String,
    /// A folder of numbered versions, a bundle or a `model.onnx`.
    pub base_path: PathBuf,
    /// Which versions are served.
    pub policy: VersionPolicy,
    /// Names for versions.
    pub labels: BTreeMap<String, u64>,
}

/// One line of the list of everything that is served or could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The model.
    pub name: String,
    /// The version; `None` where the model is there and none of its versions was ever loaded.
    pub version: Option<u64>,
    /// Where the version stands; [`VersionState::End`] where it is not loaded.
    pub state: VersionState,
    /// Why it is not available, where that is known.
    pub reason: String,
}

/// What is to be served, as it was last said. Changed under one lock, together with what follows from it.
pub(crate) struct Desired {
    pub(crate) locations: Vec<ModelLocation>,
    pub(crate) policies: BTreeMap<String, VersionPolicy>,
    pub(crate) default_policy: VersionPolicy,
    /// The models that were asked for; `None` means all that are there.
    pub(crate) asked_for: Option<BTreeSet<String>>,
    /// Where models may come from that are named while the server runs.
    pub(crate) roots: Arc<[PathBuf]>,
}

impl Desired {
    pub(crate) fn of(config: &ServeConfig) -> Self {
        let is_explicit = config.control == ControlMode::Explicit;
        let at_start = match &config.on_demand {
            Some(demand) => Some(&demand.pinned | &config.load_at_start),
            None => is_explicit.then(|| config.load_at_start.clone()),
        };
        Self {
            locations: config.locations.clone(),
            policies: config.policies.clone(),
            default_policy: config.default_policy.clone(),
            asked_for: at_start,
            roots: match config.reload_roots.is_empty() {
                true => config.locations.iter().filter_map(ModelLocation::folder).collect(),
                false => config.reload_roots.clone().into(),
            },
        }
    }

    /// Whether a model may come from `path`. Whoever can reach a port can name one, so that it must lie where whoever
    /// started the server has put models. Blocks.
    pub(crate) fn allows(&self, path: &Path) -> bool {
        let Some(place) = existing_part(path) else { return false };
        self.roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| place.starts_with(root))
    }

    pub(crate) fn wants(&self, name: &str) -> bool {
        self.asked_for.as_ref().is_none_or(|asked_for| asked_for.contains(name))
    }
}

/// What is there of `path`, with every link followed. A path that is not there at all is judged by the folder that it
/// would be in; one that would climb out of a folder which is not there is judged by nothing.
fn existing_part(path: &Path) -> Option<PathBuf> {
    if path.components().any(|part| part == Component::ParentDir) && path.canonicalize().is_err() {
        return None;
    }
    path.ancestors().find_map(|ancestor| ancestor.canonicalize().ok())
}
