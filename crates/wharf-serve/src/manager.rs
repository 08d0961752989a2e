//! The handle that listeners hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use tokio::time::timeout_at;
use tokio_util::task::TaskTracker;
use wharf_bundle::Signature;
use wharf_engine::Engine;
use wharf_infer::language::LanguageModel;
use wharf_infer::{Deadline, ErrorCode, ModelRef, ServiceError, VersionChoice};

use crate::admission::Admission;
use crate::batch::Waiter;
use crate::cache::ResponseCache;
use crate::control::Desired;
use crate::demand::{Memory, Usage};
use crate::encode::language_model;
use crate::lifecycle::{self, Retry};
use crate::metrics::{ModelStatistics, ServeMetrics};
use crate::pool::CpuPool;
use crate::registry::Registry;
use crate::sequence::{Book, Home};
use crate::served::ServedModel;
use crate::traffic::ShadowQueue;
use crate::{BatchSnapshot, ServeConfig, StickyKeys, Traffic, TritonConfig, VersionState, VersionStatus};

/// Serves models. Cheap to clone: all clones are the same server.
#[derive(Clone)]
pub struct ModelManager(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) config: ServeConfig,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) registry: Arc<Registry>,
    /// One change at a time of what is wanted and of what is loaded.
    pub(crate) desired: Mutex<Desired>,
    /// Changes under way.
    pub(crate) tasks: TaskTracker,
    pub(crate) usage: Arc<Usage>,
    pub(crate) memory: Arc<Memory>,
    pub(crate) cache: Option<Arc<ResponseCache>>,
    pub(crate) metrics: Arc<ServeMetrics>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) pool: CpuPool<Waiter>,
    /// The sequences that are open.
    pub(crate) sequences: Arc<Book<Arc<Home>>>,
    /// Copies of requests that wait to be compared.
    pub(crate) shadows: ShadowQueue,
    /// Turns true when the server stops waiting for what runs.
    pub(crate) closing: watch::Sender<bool>,
}

/// What a client may know about the version that answers it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The name under which it is served.
    pub name: String,
    /// The version that a reference was resolved to.
    pub version: u64,
    /// The ways to call it.
    pub signatures: Arc<BTreeMap<String, Signature>>,
    /// The class names; empty where there are none.
    pub labels: Arc<[String]>,
    /// What a `config.pbtxt` says of it, where there is one.
    pub config: Option<Arc<TritonConfig>>,
    /// Whether its answers are remembered.
    pub is_cached: bool,
    /// Whether it was asked for by number or label.
    pub(crate) names_version: bool,
    /// The version itself, which stays loaded for as long as this lives.
    pub(crate) served: Option<Held>,
}

impl ModelInfo {
    /// The version as one that writes text or embeds it, where it is such a model. It stays loaded for as long as
    /// this information lives, not for as long as the result does.
    pub fn language_model(&self) -> Option<Arc<dyn LanguageModel>> {
        language_model(&self.served.as_ref()?.0)
    }

    /// Whether it is an encoder, which is asked with text by [`crate::TEXT_SIGNATURE`].
    pub fn is_encoder(&self) -> bool {
        self.served.as_ref().is_some_and(|held| held.0.encoder.is_some())
    }
}

/// A version that somebody is about to ask.
#[derive(Clone)]
pub(crate) struct Held(pub(crate) Arc<ServedModel>);

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

/// How busy the server is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gauges {
    /// Requests under way, waiting or running.
    pub in_flight: usize,
    /// Requests that wait for a thread.
    pub waiting: usize,
}

impl Inner {
    /// Makes sure that copies of requests are run.
    pub(crate) fn start_shadows(self: &Arc<Self>) -> Result<(), ServiceError> {
        let started = self.shadows.start(Arc::downgrade(self));
        started.map_err(|error| ServiceError::internal("the server cannot start its threads", error))
    }
}

impl fmt::Debug for ModelManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelManager").field("models", &self.models()).finish_non_exhaustive()
    }
}

impl ModelManager {
    pub(crate) fn new(config: ServeConfig, engine: Arc<dyn Engine>) -> Result<Self, ServiceError> {
        config.traffic.values().try_for_each(Traffic::check)?;
        let pool = CpuPool::new(config.limits.workers, config.limits.max_waiting)
            .map_err(|error| ServiceError::internal("the server cannot start its threads", error))?;
        let metrics = Arc::new(ServeMetrics::default());
        let registry = config.metrics.clone();
        let inner = Arc::new(Inner {
            metrics,
            admission: Admission::new(config.limits.max_in_flight),
            registry: Arc::new(Registry::new(config.labels.clone(), &config.traffic)),
            desired: Mutex::new(Desired::of(&config)),
            closing: watch::Sender::new(false),
            tasks: TaskTracker::new(),
            usage: Arc::default(),
            memory: Arc::default(),
            cache: config.cache.as_ref().map(|cache| ResponseCache::new(cache.size_bytes)),
            config,
            engine,
            pool,
            sequences: Arc::default(),
            shadows: ShadowQueue::new(),
        });
        if inner.config.traffic.values().any(|traffic| traffic.shadow.is_some()) {
            inner.start_shadows()?;
        }
        registry.register(crate::metrics::collector(&inner));
        Ok(Self(inner))
    }

    /// Brings what is served in line with what the locations hold: loads what is new, then unloads what is
    /// gone. Returns when every version has settled; those that failed say why in their status. Versions that
    /// failed before are tried again.
    ///
    /// # Errors
    /// A location cannot be read, or two of them hold a model of the same name. What was served stays.
    pub async fn refresh(&self) -> Result<(), ServiceError> {
        let server = Arc::clone(&self.0);
        self.undisturbed(async move {
            let desired = server.desired.lock().await;
            lifecycle::refresh(&server, &desired, Retry::Now).await
        })
        .await
    }

    /// What was counted of a model since it was loaded, version by version; of all models where no name is given, of
    /// one version where one is.
    ///
    /// # Errors
    /// The model or the version is not loaded.
    pub fn statistics(
        &self,
        name: Option<&str>,
        version: Option<i64>,
    ) -> Result<Vec<ModelStatistics>, ServiceError> {
        self.0.metrics.statistics(name, version)
    }

    /// Whether a model of this name was ever heard of, other than from a client.
    pub fn knows(&self, name: &str) -> bool {
        !self.0.registry.status(name).is_empty()
    }

    /// The version that `model` means, and how to call it.
    ///
    /// # Errors
    /// The model, version or label does not exist, or the version does not answer at present.
    pub fn signatures(&self, model: &ModelRef) -> Result<ModelInfo, ServiceError> {
        self.signatures_for(model, &StickyKeys::default())
    }

    /// As [`ModelManager::signatures`]; where requests are spread over versions by a header, the same key always leads
    /// to the same one while the same versions share them.
    ///
    /// # Errors
    /// The model, version or label does not exist, or the version does not answer at present.
    pub fn signatures_for(&self, model: &ModelRef, keys: &StickyKeys) -> Result<ModelInfo, ServiceError> {
        let routes = self.0.registry.routes();
        let served = routes.find(model, keys)?;
        let names_version = model.version != VersionChoice::Latest;
        Ok(ModelInfo { served: Some(Held(Arc::clone(served))), names_version, ..served.info() })
    }

    /// What a request says of whose it is, where requests of any model are spread by that; `value` gives the value of
    /// a header.
    pub fn sticky_keys<'a>(&self, value: impl Fn(&str) -> Option<&'a [u8]>) -> StickyKeys {
        let routes = self.0.registry.routes();
        // Most servers spread nothing: no looking at headers for them.
        if routes.sticky_headers().is_empty() {
            return StickyKeys::default();
        }
        let values = routes.sticky_headers().iter();
        StickyKeys::new(values.filter_map(|header| Some((Arc::clone(header), value(header)?))))
    }

    /// Where the versions of a model stand, newest first; of one version where one is given. Versions that are
    /// gone stay listed as ended.
    ///
    /// # Errors
    /// The model or the version was never heard of.
    pub fn status(&self, name: &str, version: Option<i64>) -> Result<Vec<VersionStatus>, ServiceError> {
        let shown: String = name.chars().take(256).collect();
        let statuses = self.0.registry.status(name);
        let not_found = |what: String| ServiceError::new(ErrorCode::NotFound, what);
        let Some(version) = version else {
            return match statuses.is_empty() {
                true => Err(not_found(format!("Could not find any versions of model {shown}"))),
                false => Ok(statuses),
            };
        };
        let wanted = statuses.into_iter().find(|status| i64::try_from(status.version) == Ok(version));
        let missing = || not_found(format!("Could not find version {version} of model {shown}"));
        wanted.map(|status| vec![status]).ok_or_else(missing)
    }

    /// The models that are loaded, load, or failed to, sorted.
    pub fn models(&self) -> Vec<String> {
        self.0.registry.names()
    }

    /// Whether every model that is wanted answers, be it in an older version than the newest.
    pub fn is_ready(&self) -> bool {
        let is_wanted = |status: &VersionStatus| {
            let is_going = matches!(status.state, VersionState::Unloading | VersionState::End);
            !is_going || status.error.is_some()
        };
        self.models()
            .iter()
            .all(|name| self.is_available(name) || !self.0.registry.status(name).iter().any(is_wanted))
    }

    /// The batches so far of the version that `model` means.
    ///
    /// # Errors
    /// The model, version or label does not exist, or the version does not answer at present.
    pub fn batches(&self, model: &ModelRef) -> Result<BatchSnapshot, ServiceError> {
        Ok(self.route(model)?.metrics.batches.snapshot())
    }

    /// How busy the server is.
    pub fn gauges(&self) -> Gauges {
        Gauges { in_flight: self.0.admission.in_flight(), waiting: self.0.pool.waiting() }
    }

    /// Stops: new requests are refused as unavailable from now on, those under way are finished until
    /// `deadline`, then answered as unavailable. Says whether all could be finished.
    pub async fn shutdown(&self, deadline: Deadline) -> bool {
        self.0.admission.close();
        self.0.pool.hurry();
        let finished = match deadline.instant() {
            Some(moment) => timeout_at(moment.into(), self.0.admission.empty()).await.is_ok(),
            None => {
                self.0.admission.empty().await;
                true
            }
        };
        // First what waits, so that no thread which is freed by the second takes it up.
        self.0.shadows.close();
        self.0.pool.close();
        self.0.closing.send_replace(true);
        finished
    }
}
