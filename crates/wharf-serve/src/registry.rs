//! Every version the server has heard of, and where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use wharf_infer::language::LanguageModel;
use wharf_infer::{ErrorCode, ServiceError};

use crate::backoff::Backoff;
use crate::control::IndexEntry;
use crate::encode::language_model;
use crate::route::{Route, Routes};
use crate::served::ServedModel;
use crate::traffic::{Guard, ShadowCounts};
use crate::wake::Catalog;
use crate::{Shadow, ShadowReport, Traffic, VersionState, VersionStatus};

/// Why a version is not loaded that could be.
pub(crate) const ON_CALL: &str = "not loaded: its first request loads it";

/// The truth about every version, behind a lock that no request takes; and a picture of it for requests,
/// which is replaced whole whenever the truth changes.
pub(crate) struct Registry {
    truth: Mutex<Truth>,
    routes: RwLock<Arc<Routes>>,
    /// Where models are loaded by demand, all that could be.
    catalog: RwLock<Catalog>,
}

#[derive(Default)]
struct Truth {
    models: BTreeMap<String, BTreeMap<u64, Entry>>,
    labels: Labels,
    traffic: BTreeMap<String, Spread>,
}

/// How the requests of a model are spread, and who watches.
struct Spread {
    traffic: Traffic,
    guards: BTreeMap<u64, Arc<Guard>>,
    shadow: Option<(Shadow, Arc<ShadowCounts>)>,
}

impl Spread {
    /// What was counted of the shadow `before` is counted on, where it stays the same version.
    fn new(model: &str, traffic: &Traffic, before: Option<&Self>) -> Self {
        let shadow = traffic.shadow.map(|shadow| {
            let before = before.and_then(|before| before.shadow.as_ref());
            let counts = before.filter(|(before, _)| before.version == shadow.version);
            (shadow, counts.map(|(_, counts)| Arc::clone(counts)).unwrap_or_default())
        });
        Self { traffic: traffic.clone(), guards: traffic.guards(model), shadow }
    }
}

/// Names for versions, by model.
pub(crate) type Labels = BTreeMap<String, BTreeMap<String, u64>>;

struct Entry {
    state: VersionState,
    error: Option<(ErrorCode, String)>,
    served: Option<Arc<ServedModel>>,
    /// Kept from state to state until the version has loaded.
    backoff: Backoff,
    /// Of the files that were loaded, or could not be.
    stamp: u64,
}

impl Default for Entry {
    fn default() -> Self {
        Self { state: VersionState::Start, error: None, served: None, backoff: Backoff::default(), stamp: 0 }
    }
}

impl Registry {
    pub(crate) fn new(labels: Labels, traffic: &BTreeMap<String, Traffic>) -> Self {
        let spread =
            traffic.iter().map(|(model, traffic)| (model.clone(), Spread::new(model, traffic, None)));
        let truth = Truth { models: BTreeMap::new(), labels, traffic: spread.collect() };
        Self { truth: Mutex::new(truth), routes: RwLock::default(), catalog: RwLock::default() }
    }

    /// The routes as they are now. The lock is held for as long as it takes to count a reference.
    pub(crate) fn routes(&self) -> Arc<Routes> {
        Arc::clone(&self.routes.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What could be loaded by demand is this from now on.
    pub(crate) fn set_catalog(&self, catalog: Catalog) {
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = catalog;
    }

    /// Whether a model could be loaded by demand.
    pub(crate) fn is_on_call(&self, name: &str) -> bool {
        self.is_version_on_call(name, None)
    }

    /// Whether a version could be loaded by demand; any of them where none is named.
    pub(crate) fn is_version_on_call(&self, name: &str, version: Option<u64>) -> bool {
        let catalog = self.catalog();
        let model = catalog.get(name);
        model.is_some_and(|model| version.is_none_or(|version| model.versions.contains(&version)))
    }

    /// The newest loaded version of each model that writes or embeds text.
    pub(crate) fn loaded_language_models(&self) -> Vec<(String, Arc<dyn LanguageModel>)> {
        let truth = self.lock();
        let newest = |(name, versions): (&String, &BTreeMap<u64, Entry>)| {
            let mut served = versions.values().rev().filter_map(|entry| entry.served.as_ref());
            Some((name.clone(), served.find_map(language_model)?))
        };
        truth.models.iter().filter_map(newest).collect()
    }

    /// The models that write or embed text, of those that answer and those that could be loaded by demand.
    pub(crate) fn language_models(&self) -> BTreeSet<String> {
        let loaded = self.loaded_language_models().into_iter();
        let mut names: BTreeSet<String> = loaded.map(|(name, _)| name).collect();
        let catalog = self.catalog();
        names.extend(catalog.iter().filter(|(_, model)| model.is_language).map(|(name, _)| name.clone()));
        names
    }

    fn catalog(&self) -> RwLockReadGuard<'_, Catalog> {
        self.catalog.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The models that have a version which answers.
    pub(crate) fn loaded(&self) -> Vec<String> {
        let truth = self.lock();
        let answers = |versions: &BTreeMap<u64, Entry>| versions.values().any(|entry| entry.served.is_some());
        let loaded = truth.models.iter().filter(|(_, versions)| answers(versions));
        loaded.map(|(name, _)| name.clone()).collect()
    }

    /// A version is routed to no more.
    pub(crate) fn unloading(&self, name: &str, version: u64) {
        self.put(name, version, |entry| Entry {
            state: VersionState::Unloading,
            error: None,
            served: None,
            ..entry
        });
    }

    /// A version is on its way. One that is loaded anew answers meanwhile.
    pub(crate) fn loading(&self, name: &str, version: u64, state: VersionState) {
        self.put(name, version, |entry| Entry { state, error: None, ..entry });
    }

    /// A version could not be loaded from files of this stamp. Where it answered before, it goes on. Whoever reads
    /// the error is told when the server `tries_again` by itself.
    pub(crate) fn failed(&self, id: (&str, u64), error: &ServiceError, stamp: u64, tries_again: bool) {
        self.put(id.0, id.1, |mut entry| {
            if entry.stamp != stamp {
                entry.backoff = Backoff::default();
            }
            let now = Instant::now();
            entry.backoff.failed(now, id);
            let message = match tries_again {
                true => format!("{} ({})", error.message(), entry.backoff.report(now)),
                false => error.message().to_owned(),
            };
            let state = entry.served.as_ref().map_or(VersionState::End, |_| VersionState::Available);
            Entry { state, error: Some((error.code(), message)), stamp, ..entry }
        });
    }

    /// Whether a version that failed is to be tried again by itself: it has waited for long enough, or its files
    /// are others.
    pub(crate) fn is_due(&self, name: &str, version: u64, stamp: u64) -> bool {
        let truth = self.lock();
        let entry = truth.models.get(name).and_then(|versions| versions.get(&version));
        entry.is_none_or(|entry| entry.stamp != stamp || entry.backoff.is_due(Instant::now()))
    }

    /// Whether a version answers that does not come from files of this stamp, or that could not be loaded anew
    /// from them.
    pub(crate) fn is_outdated(&self, name: &str, version: u64, stamp: u64) -> bool {
        let truth = self.lock();
        let entry = truth.models.get(name).and_then(|versions| versions.get(&version));
        let answers = entry.filter(|entry| entry.state == VersionState::Available);
        // One that was rolled back is as it is: it loaded well.
        let is_broken = |error: &Option<(ErrorCode, String)>| {
            error.as_ref().is_some_and(|(code, _)| *code != ErrorCode::Aborted)
        };
        answers.is_some_and(|entry| entry.stamp != stamp || is_broken(&entry.error))
    }

    /// Whether any version of a model answers.
    pub(crate) fn is_available(&self, name: &str) -> bool {
        let truth = self.lock();
        let mut versions = truth.models.get(name).into_iter().flat_map(BTreeMap::values);
        versions.any(|entry| entry.served.is_some())
    }

    /// Gives versions other names, all at once.
    pub(crate) fn set_labels(&self, labels: Labels) {
        drop(self.change(|truth| std::mem::replace(&mut truth.labels, labels)));
    }

    /// Spreads the requests of a model differently; `None` gives them to the newest version.
    pub(crate) fn set_traffic(&self, model: &str, traffic: Option<&Traffic>) {
        self.change(|truth| {
            match traffic {
                Some(traffic) => {
                    let spread = Spread::new(model, traffic, truth.traffic.get(model));
                    truth.traffic.insert(model.to_owned(), spread);
                }
                None => drop(truth.traffic.remove(model)),
            }
            truth.forget_rollbacks(model);
        });
    }

    /// Forgets how requests are spread but for these models.
    pub(crate) fn retain_traffic(&self, models: &BTreeSet<&str>) {
        self.change(|truth| truth.traffic.retain(|model, _| models.contains(model.as_str())));
    }

    /// Takes the requests from a version that broke its bounds, unless that has happened or the bounds are no longer
    /// these. Says whether it did.
    pub(crate) fn withdraw(&self, guard: &Arc<Guard>, reason: &str) -> bool {
        self.change(|truth| {
            let Some(spread) = truth.traffic.get_mut(&guard.model) else { return false };
            if !spread.guards.get(&guard.version).is_some_and(|current| Arc::ptr_eq(current, guard)) {
                return false;
            }
            spread.guards.remove(&guard.version);
            spread.traffic.weights.insert(guard.version, 0);
            let versions = truth.models.get_mut(&guard.model);
            if let Some(entry) = versions.and_then(|versions| versions.get_mut(&guard.version)) {
                entry.error = Some((ErrorCode::Aborted, format!("rolled back: {reason}")));
            }
            true
        })
    }

    /// How the requests of a model are spread; `None` where the newest gets all.
    pub(crate) fn traffic(&self, model: &str) -> Option<Traffic> {
        self.lock().traffic.get(model).map(|spread| spread.traffic.clone())
    }

    /// What was counted of the shadow of a model.
    pub(crate) fn shadow(&self, model: &str) -> Option<ShadowReport> {
        let counts = self.lock().traffic.get(model)?.shadow.as_ref().map(|(_, counts)| Arc::clone(counts));
        counts.map(|counts| counts.report())
    }

    /// The same of every model that has such, by its name.
    pub(crate) fn all_traffic(&self) -> Vec<(String, Traffic)> {
        let truth = self.lock();
        truth.traffic.iter().map(|(model, spread)| (model.clone(), spread.traffic.clone())).collect()
    }

    /// The names of versions.
    pub(crate) fn labels(&self) -> Labels {
        self.lock().labels.clone()
    }

    /// Routes to no version of a model any more. Says whether there was one.
    pub(crate) fn unload(&self, name: &str) -> bool {
        let unloaded = self.change(|truth| {
            let mut unloaded = Vec::new();
            for entry in truth.models.get_mut(name).into_iter().flat_map(BTreeMap::values_mut) {
                // One that failed is no longer wanted either: it has nothing left to report.
                entry.error = None;
                if entry.state == VersionState::Available {
                    entry.state = VersionState::Unloading;
                    unloaded.extend(entry.served.take());
                }
            }
            unloaded
        });
        !unloaded.is_empty()
    }

    /// A version answers from now on.
    pub(crate) fn available(&self, served: Arc<ServedModel>, stamp: u64) {
        let (name, version) = (served.name.clone(), served.version);
        let state = VersionState::Available;
        let entry = Entry { state, error: None, served: Some(served), backoff: Backoff::default(), stamp };
        self.put(&name, version, |_| entry);
    }

    /// The last request let go of a version. Where the version has been loaded anew meanwhile, nothing.
    pub(crate) fn unloaded(&self, name: &str, version: u64) {
        self.change(|truth| {
            let entry = truth.models.get_mut(name).and_then(|versions| versions.get_mut(&version));
            if let Some(entry) = entry.filter(|entry| entry.state == VersionState::Unloading) {
                entry.state = VersionState::End;
            }
        });
    }

    /// The state of a version; `None` where it was never heard of.
    pub(crate) fn state(&self, name: &str, version: u64) -> Option<VersionState> {
        self.lock().models.get(name)?.get(&version).map(|entry| entry.state)
    }

    /// Every version and its state.
    pub(crate) fn all(&self) -> Vec<(String, u64, VersionState)> {
        let truth = self.lock();
        let versions = truth.models.iter().flat_map(|(name, versions)| {
            versions.iter().map(|(version, entry)| (name.clone(), *version, entry.state))
        });
        versions.collect()
    }

    /// The statuses of a model, newest first as TensorFlow Serving lists them. Versions that wait to be asked for have
    /// not been started.
    pub(crate) fn status(&self, name: &str) -> Vec<VersionStatus> {
        let truth = self.lock();
        let status = |(version, entry): (&u64, &Entry)| VersionStatus {
            version: *version,
            state: entry.state,
            error: entry.error.clone(),
        };
        let mut statuses: BTreeMap<u64, VersionStatus> = BTreeMap::new();
        statuses.extend(truth.models.get(name).into_iter().flatten().map(|entry| (*entry.0, status(entry))));
        for version in self.catalog().get(name).into_iter().flat_map(|model| &model.versions) {
            let state = VersionState::Start;
            let waiting = VersionStatus { version: *version, state, error: None };
            let found = statuses.entry(*version).or_insert_with(|| waiting.clone());
            if found.state == VersionState::End && found.error.is_none() {
                *found = waiting;
            }
        }
        statuses.into_values().rev().collect()
    }

    /// The models that have a version which is on its way, answers, or failed.
    pub(crate) fn names(&self) -> Vec<String> {
        let truth = self.lock();
        let is_alive = |entry: &Entry| entry.state != VersionState::End || entry.error.is_some();
        let alive = truth.models.iter().filter(|(_, versions)| versions.values().any(is_alive));
        let mut names: BTreeSet<String> = alive.map(|(name, _)| name.clone()).collect();
        names.extend(self.catalog().keys().cloned());
        names.into_iter().collect()
    }

    /// Every version that was ever heard of, as the index of the server lists it.
    pub(crate) fn index(&self) -> Vec<IndexEntry> {
        let truth = self.lock();
        let entry = |name: &String, version: &u64, entry: &Entry| {
            let reason = match (&entry.error, entry.state) {
                (Some((_, message)), _) => message.clone(),
                (None, VersionState::End) if self.is_on_call(name) => ON_CALL.to_owned(),
                (None, VersionState::End) => "unloaded".to_owned(),
                (None, _) => String::new(),
            };
            IndexEntry { name: name.clone(), version: Some(*version), state: entry.state, reason }
        };
        let entries = truth.models.iter().flat_map(|(name, versions)| {
            versions.iter().map(move |(version, found)| entry(name, version, found))
        });
        entries.collect()
    }

    fn put(&self, name: &str, version: u64, entry: impl FnOnce(Entry) -> Entry) {
        drop(self.change(|truth| {
            let versions = truth.models.entry(name.to_owned()).or_default();
            let before = versions.remove(&version).unwrap_or_default();
            let answered = before.served.clone();
            versions.insert(version, entry(before));
            answered
        }));
    }

    /// Changes the truth and replaces the picture. What falls out of either is dropped after the locks are
    /// gone: it may be the last reference to a version, whose drop comes back to [`Registry::unloaded`].
    fn change<R>(&self, change: impl FnOnce(&mut Truth) -> R) -> R {
        let mut truth = self.lock();
        let result = change(&mut truth);
        let routes = Arc::new(truth.picture());
        let before = {
            let mut current = self.routes.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, routes)
        };
        drop(truth);
        drop(before);
        result
    }

    fn lock(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Truth {
    /// What broke its bounds and has requests now is judged anew.
    fn forget_rollbacks(&mut self, model: &str) {
        let spread = self.traffic.get(model);
        for (version, entry) in self.models.get_mut(model).into_iter().flatten() {
            let has_part =
                spread.is_none_or(|spread| spread.traffic.weights.get(version).is_some_and(|part| *part > 0));
            if has_part && entry.error.as_ref().is_some_and(|(code, _)| *code == ErrorCode::Aborted) {
                entry.error = None;
            }
        }
    }

    fn picture(&self) -> Routes {
        let mut routes = Routes::new(&self.labels);
        for (name, versions) in &self.models {
            for (version, entry) in versions {
                match (&entry.served, entry.state) {
                    (Some(served), _) => routes.insert(name, *version, Route::Ready(Arc::clone(served))),
                    (None, VersionState::End) => {}
                    (None, state) => routes.insert(name, *version, Route::NotReady(state)),
                }
            }
        }
        for (name, spread) in &self.traffic {
            routes.split(name, &spread.traffic);
            routes.guard(name, &spread.guards);
            if let Some((shadow, counts)) = &spread.shadow {
                routes.shadow(name, *shadow, counts);
            }
        }
        routes
    }
}
