//! Every version the server has heard of, and where it stands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use wharf_infer::{ErrorCode, ServiceError};

use crate::route::{Route, Routes};
use crate::served::ServedModel;
use crate::{VersionState, VersionStatus};

/// The truth about every version, behind a lock that no request takes; and a picture of it for requests,
/// which is replaced whole whenever the truth changes.
pub(crate) struct Registry {
    models: Mutex<Models>,
    routes: RwLock<Arc<Routes>>,
    labels: BTreeMap<String, BTreeMap<String, u64>>,
}

type Models = BTreeMap<String, BTreeMap<u64, Entry>>;

struct Entry {
    state: VersionState,
    error: Option<(ErrorCode, String)>,
    served: Option<Arc<ServedModel>>,
}

impl Registry {
    pub(crate) fn new(labels: BTreeMap<String, BTreeMap<String, u64>>) -> Self {
        Self { models: Mutex::default(), routes: RwLock::default(), labels }
    }

    /// The routes as they are now. The lock is held for as long as it takes to count a reference.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A version moves on to a state in which it does not answer.
    pub(crate) fn set(&self, name: &str, version: u64, state: VersionState) {
        self.put(name, version, Entry { state, error: None, served: None });
    }

    /// A version could not be loaded.
    pub(crate) fn failed(&self, name: &str, version: u64, error: &ServiceError) {
        let error = Some((error.code(), error.message().to_owned()));
        self.put(name, version, Entry { state: VersionState::End, error, served: None });
    }

    /// A version answers from now on.
    pub(crate) fn available(&self, served: Arc<ServedModel>) {
        let (name, version) = (served.name.clone(), served.version);
        let entry = Entry { state: VersionState::Available, error: None, served: Some(served) };
        self.put(&name, version, entry);
    }

    /// The last request let go of a version. Where the version has been loaded anew meanwhile, nothing.
    pub(crate) fn unloaded(&self, name: &str, version: u64) {
        self.change(|models| {
            let entry = models.get_mut(name).and_then(|versions| versions.get_mut(&version));
            if let Some(entry) = entry.filter(|entry| entry.state == VersionState::Unloading) {
                entry.state = VersionState::End;
            }
        });
    }

    /// The state of a version; `None` where it was never heard of.
    pub(crate) fn state(&self, name: &str, version: u64) -> Option<VersionState> {
        self.lock().get(name)?.get(&version).map(|entry| entry.state)
    }

    /// Every version and its state.
    pub(crate) fn all(&self) -> Vec<(String, u64, VersionState)> {
        let models = self.lock();
        let versions = models.iter().flat_map(|(name, versions)| {
            versions.iter().map(|(version, entry)| (name.clone(), *version, entry.state))
        });
        versions.collect()
    }

    /// The statuses of a model, newest first as TensorFlow Serving lists them.
    pub(crate) fn status(&self, name: &str) -> Vec<VersionStatus> {
        let models = self.lock();
        let versions = models.get(name).into_iter().flatten().rev();
        let status = |(version, entry): (&u64, &Entry)| VersionStatus {
            version: *version,
            state: entry.state,
            error: entry.error.clone(),
        };
        versions.map(status).collect()
    }

    /// The models that have a version which is on its way, answers, or failed.
    pub(crate) fn names(&self) -> Vec<String> {
        let models = self.lock();
        let is_alive = |entry: &Entry| entry.state != VersionState::End || entry.error.is_some();
        let alive = models.iter().filter(|(_, versions)| versions.values().any(is_alive));
        alive.map(|(name, _)| name.clone()).collect()
    }

    fn put(&self, name: &str, version: u64, entry: Entry) {
        drop(self.change(|models| models.entry(name.to_owned()).or_default().insert(version, entry)));
    }

    /// Changes the truth and replaces the picture. What falls out of either is dropped after the locks are
    /// gone: it may be the last reference to a version, whose drop comes back to [`Registry::unloaded`].
    fn change<R>(&self, change: impl FnOnce(&mut Models) -> R) -> R {
        let mut models = self.lock();
        let result = change(&mut models);
        let routes = Arc::new(self.picture(&models));
        let before = {
            let mut current = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, routes)
        };
        drop(models);
        drop(before);
        result
    }

    fn picture(&self, models: &Models) -> Routes {
        let mut routes = Routes::new(&self.labels);
        for (name, versions) in models {
            for (version, entry) in versions {
                match (&entry.served, entry.state) {
                    (Some(served), _) => routes.insert(name, *version, Route::Ready(Arc::clone(served))),
                    (None, VersionState::End) => {}
                    (None, state) => routes.insert(name, *version, Route::NotReady(state)),
                }
            }
        }
        routes
    }

    fn lock(&self) -> MutexGuard<'_, Models> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
