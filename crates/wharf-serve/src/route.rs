//! From a model reference to the version that answers it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use wharf_infer::{ErrorCode, ModelRef, ServiceError, VersionChoice};

use crate::VersionState;
use crate::served::ServedModel;

/// Client words are cut to this many characters in messages.
const MAX_SHOWN: usize = 256;

/// Where requests may go, as it was at one moment.
#[derive(Default)]
pub(crate) struct Routes {
    models: HashMap<String, BTreeMap<u64, Route>>,
    labels: HashMap<String, BTreeMap<String, u64>>,
}

/// What is known of a version that may be asked for.
pub(crate) enum Route {
    /// It answers.
    Ready(Arc<ServedModel>),
    /// It will, or did until a moment ago.
    NotReady(VersionState),
}

impl Routes {
    pub(crate) fn new(labels: &BTreeMap<String, BTreeMap<String, u64>>) -> Self {
        let labels = labels.iter().map(|(model, labels)| (model.clone(), labels.clone()));
        Self { models: HashMap::new(), labels: labels.collect() }
    }

    pub(crate) fn insert(&mut self, name: &str, version: u64, route: Route) {
        self.models.entry(name.to_owned()).or_default().insert(version, route);
    }

    /// The version that `reference` means.
    ///
    /// # Errors
    /// In TensorFlow Serving's words: clients of it look for `Servable` to learn that a model is not there yet.
    pub(crate) fn find(&self, reference: &ModelRef) -> Result<&Arc<ServedModel>, ServiceError> {
        if reference.name.is_empty() {
            return Err(ServiceError::invalid_argument("ModelSpec has no name specified."));
        }
        let versions = self.models.get(&reference.name);
        match &reference.version {
            VersionChoice::Latest => latest(reference, versions),
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
