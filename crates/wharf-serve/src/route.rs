//! From a model reference to the version that answers it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wharf_infer::{ErrorCode, ModelRef, ServiceError, VersionChoice};

use crate::served::ServedModel;
use crate::traffic::{Guard, ShadowCounts, ShadowRoute, Split};
use crate::{Shadow, StickyKeys, Traffic, VersionState};

/// Client words are cut to this many characters in messages.
const MAX_SHOWN: usize = 256;

/// Where requests may go, as it was at one moment.
#[derive(Default)]
pub(crate) struct Routes {
    models: HashMap<String, BTreeMap<u64, Route>>,
    labels: HashMap<String, BTreeMap<String, u64>>,
    splits: HashMap<String, Split>,
    /// The headers that any split goes by.
    sticky_headers: Vec<Arc<str>>,
    guards: HashMap<String, BTreeMap<u64, Arc<Guard>>>,
    shadows: HashMap<String, Arc<ShadowRoute>>,
}

/// Who looks on while a version answers.
type Observers = (Option<Arc<Guard>>, Option<Arc<ShadowRoute>>);

/// What is known of a version that may be asked for.
pub(crate) enum Route {
    /// It answers.
    Ready(Arc<ServedModel>),
    /// It will, or did until a moment ago.
    NotReady(VersionState),
}

impl Route {
    fn served(&self) -> Option<&Arc<ServedModel>> {
        match self {
            Route::Ready(served) => Some(served),
            Route::NotReady(_) => None,
        }
    }
}

impl Routes {
    pub(crate) fn new(labels: &BTreeMap<String, BTreeMap<String, u64>>) -> Self {
        let labels = labels.iter().map(|(model, labels)| (model.clone(), labels.clone()));
        Self { labels: labels.collect(), ..Self::default() }
    }

    pub(crate) fn insert(&mut self, name: &str, version: u64, route: Route) {
        self.models.entry(name.to_owned()).or_default().insert(version, route);
    }

    /// Spreads the requests of a model over those of its versions that answer.
    pub(crate) fn split(&mut self, name: &str, traffic: &Traffic) {
        let versions = self.models.get(name);
        let answering =
            traffic.weights.iter().filter_map(|(version, weight)| match versions?.get(version)? {
                Route::Ready(served) => Some((*weight, Arc::clone(served))),
                Route::NotReady(_) => None,
            });
        if let Some(split) = Split::new(answering, traffic.sticky_header.as_deref()) {
            let header = split.sticky_header.as_ref().filter(|header| !self.sticky_headers.contains(*header));
            self.sticky_headers.extend(header.cloned());
            self.splits.insert(name.to_owned(), split);
        }
    }

    /// Has the answers of these versions of a model watched.
    pub(crate) fn guard(&mut self, name: &str, guards: &BTreeMap<u64, Arc<Guard>>) {
        if !guards.is_empty() {
            self.guards.insert(name.to_owned(), guards.clone());
        }
    }

    /// Has a version answer copies of a model's requests, if it answers at all.
    pub(crate) fn shadow(&mut self, name: &str, shadow: Shadow, counts: &Arc<ShadowCounts>) {
        let route = self.models.get(name).and_then(|versions| versions.get(&shadow.version));
        if let Some(served) = route.and_then(Route::served) {
            let route = ShadowRoute::new(Arc::clone(served), shadow, Arc::clone(counts));
            self.shadows.insert(name.to_owned(), Arc::new(route));
        }
    }

    /// Who looks on while a version answers.
    pub(crate) fn observers_of(&self, served: &ServedModel) -> Observers {
        // Most servers watch nothing: no hashing for them.
        if self.guards.is_empty() && self.shadows.is_empty() {
            return (None, None);
        }
        let guard = self.guards.get(&served.name).and_then(|guards| guards.get(&served.version));
        let shadow = self.shadows.get(&served.name).filter(|shadow| shadow.is_of(served));
        (guard.cloned(), shadow.cloned())
    }

    /// Every version that answers.
    pub(crate) fn answering(&self) -> impl Iterator<Item = &Arc<ServedModel>> {
        self.models.values().flat_map(BTreeMap::values).filter_map(Route::served)
    }

    /// A version that answers. Where none is named, the newest; none where requests are spread, since nobody knows as
    /// yet which will be asked.
    pub(crate) fn ready(&self, name: &str, version: Option<u64>) -> Option<&Arc<ServedModel>> {
        let versions = self.models.get(name)?;
        match version {
            Some(version) => versions.get(&version)?.served(),
            None if self.splits.contains_key(name) => None,
            None => versions.values().rev().find_map(Route::served),
        }
    }

    /// The headers by which requests stay with a version; mostly none.
    pub(crate) fn sticky_headers(&self) -> &[Arc<str>] {
        &self.sticky_headers
    }

    /// The versions of a model that answer.
    pub(crate) fn all_ready(&self, name: &str) -> impl Iterator<Item = &Arc<ServedModel>> {
        self.models.get(name).into_iter().flat_map(BTreeMap::values).filter_map(Route::served)
    }

    /// The version that `reference` means; where requests are spread, that of its keys.
    ///
    /// # Errors
    /// In TensorFlow Serving's words: clients of it look for `Servable` to learn that a model is not there yet.
    pub(crate) fn find(
        &self,
        reference: &ModelRef,
        keys: &StickyKeys,
    ) -> Result<&Arc<ServedModel>, ServiceError> {
        if reference.name.is_empty() {
            return Err(ServiceError::invalid_argument("ModelSpec has no name specified."));
        }
        let versions = self.models.get(&reference.name);
        match &reference.version {
            VersionChoice::Latest => {
                let split = self.splits.get(&reference.name);
                let picked = split.and_then(|split| split.pick(keys));
                picked.map_or_else(|| latest(reference, versions), Ok)
            }
            VersionChoice::Specific(version) => specific(reference, versions, *version),
            VersionChoice::Label(label) => {
                let version = self.labels.get(&reference.name).and_then(|labels| labels.get(label));
                let version = *version.ok_or_else(|| unknown_label(label))?;
                let version = i64::try_from(version).unwrap_or(i64::MAX);
                specific(&ModelRef::specific(&reference.name, version), versions, version)
            }
        }
    }
}

type Versions = BTreeMap<u64, Route>;

/// The newest version that answers.
fn latest<'a>(
    reference: &ModelRef,
    versions: Option<&'a Versions>,
) -> Result<&'a Arc<ServedModel>, ServiceError> {
    let versions = versions.into_iter().flatten().rev();
    let mut pending = None;
    for (version, route) in versions {
        match route {
            Route::Ready(served) => return Ok(served),
            Route::NotReady(state) => pending = pending.or(Some((*version, *state))),
        }
    }
    Err(match pending {
        Some((version, state)) => not_ready(reference, version, state),
        None => not_found(reference),
    })
}

fn specific<'a>(
    reference: &ModelRef,
    versions: Option<&'a Versions>,
    version: i64,
) -> Result<&'a Arc<ServedModel>, ServiceError> {
    let route = u64::try_from(version).ok().and_then(|version| versions?.get_key_value(&version));
    match route {
        Some((_, Route::Ready(served))) => Ok(served),
        Some((version, Route::NotReady(state))) => Err(not_ready(reference, *version, *state)),
        None => Err(not_found(reference)),
    }
}

fn not_found(reference: &ModelRef) -> ServiceError {
    let message = format!("Servable not found for request: {}", shown(reference));
    ServiceError::new(ErrorCode::NotFound, message)
}

fn not_ready(reference: &ModelRef, version: u64, state: VersionState) -> ServiceError {
    let reference = shown(reference);
    let message =
        format!("Servable not found for request: {reference}, version {version} is {}", state.name());
    ServiceError::new(ErrorCode::Unavailable, message)
}

fn unknown_label(label: &str) -> ServiceError {
    let label: String = label.chars().take(MAX_SHOWN).collect();
    ServiceError::invalid_argument(format!("Unrecognized servable version label: {label}"))
}

fn shown(reference: &ModelRef) -> ModelRef {
    let name = reference.name.chars().take(MAX_SHOWN).collect();
    ModelRef { name, version: reference.version.clone() }
}
