//! What a server of models is built from.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use wharf_engine::{Engine, LoadOptions};
use wharf_infer::ServiceError;
use wharf_metrics::Registry;

use crate::{
    BatchConfig, CacheConfig, ControlMode, ModelConfig, ModelLocation, ModelManager, OnDemand, Traffic,
    VersionPolicy, WarmUp,
};

/// What a [`ModelManager`] is built from.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ServeConfig {
    /// Where models come from.
    pub locations: Vec<ModelLocation>,
    /// Which versions are served of models that `policies` does not name.
    pub default_policy: VersionPolicy,
    /// Which versions are served, by model.
    pub policies: BTreeMap<String, VersionPolicy>,
    /// Names for versions, by model: clients may ask for `stable` instead of a number.
    pub labels: BTreeMap<String, BTreeMap<String, u64>>,
    /// Folders that a model may come from which [`ModelManager::reconfigure`] names. Empty: the folders of `locations`.
    pub reload_roots: Vec<PathBuf>,
    /// How requests that name no version are spread, by model; without an entry the newest answers.
    pub traffic: BTreeMap<String, Traffic>,
    /// Who decides what is loaded.
    pub control: ControlMode,
    /// Under [`ControlMode::Poll`], whether to look at once where the file system says that something changed.
    pub watches_files: bool,
    /// Under [`ControlMode::Explicit`], the models to load at the start.
    pub load_at_start: BTreeSet<String>,
    /// Whether [`ModelManager::reconfigure`] may give a new label to a version that is not available.
    pub allow_labels_for_unavailable: bool,
    /// How models are loaded.
    pub load: LoadOptions,
    /// Models that run in processes of their own, whatever `load` says.
    pub isolated: BTreeSet<String>,
    /// How requests are joined to models that `batching` does not name.
    pub default_batching: BatchConfig,
    /// How requests are joined, by model.
    pub batching: BTreeMap<String, BatchConfig>,
    /// Whose answers are remembered, and how much of them; `None` remembers nothing.
    pub cache: Option<CacheConfig>,
    /// Whether models are loaded by their first request; `None` loads those that the control wants.
    pub on_demand: Option<OnDemand>,
    /// Where requests come from that a version answers before it is served, in this order.
    pub warm_up: Vec<Arc<dyn WarmUp>>,
    /// How much work is taken on.
    pub limits: ServeLimits,
    /// Where what is counted can be read.
    pub metrics: Registry,
}

/// How much work is taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeLimits {
    /// Threads that compute; a core each by default.
    pub workers: usize,
    /// Requests that may wait for such a thread. One more is refused as overloaded.
    pub max_waiting: usize,
    /// Requests that may be under way at all, waiting or running.
    pub max_in_flight: usize,
    /// Models that load at the same time.
    pub parallel_loads: usize,
    /// Work that is known to take less than this runs where the request arrived: handing it to another thread
    /// and back would cost as much. Zero never does.
    pub inline_below: Duration,
    /// Sequences of a version that may be open. One more is refused as overloaded.
    pub max_sequences: usize,
    /// Sequences of a version that one caller may have open. One more is refused as over the caller's quota.
    pub max_sequences_of_caller: usize,
    /// Bytes that the states of the sequences of a version may take.
    pub max_sequence_bytes: usize,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            workers: thread::available_parallelism().map_or(1, NonZero::get),
            max_waiting: 1024,
            max_in_flight: 4096,
            parallel_loads: 2,
            inline_below: Duration::from_micros(300),
            max_sequences: 65_536,
            max_sequences_of_caller: 16_384,
            max_sequence_bytes: 1 << 30,
        }
    }
}

impl ServeConfig {
    /// With one more place where models come from.
    #[must_use]
    pub fn with_location(mut self, location: ModelLocation) -> Self {
        self.locations.push(location);
        self
    }

    /// With one model as a configuration lists it.
    #[must_use]
    pub fn with_model(mut self, model: ModelConfig) -> Self {
        self.locations.push(ModelLocation::named_model(&model.name, model.base_path));
        self.policies.insert(model.name.clone(), model.policy);
        self.labels.entry(model.name).or_default().extend(model.labels);
        self
    }

    /// With one more folder that a model may come from when the server is reconfigured.
    #[must_use]
    pub fn with_reload_root(mut self, folder: impl Into<PathBuf>) -> Self {
        self.reload_roots.push(folder.into());
        self
    }

    /// With this policy for one model.
    #[must_use]
    pub fn with_policy(mut self, model: impl Into<String>, policy: VersionPolicy) -> Self {
        self.policies.insert(model.into(), policy);
        self
    }

    /// With a label for a version of a model.
    #[must_use]
    pub fn with_label(mut self, model: impl Into<String>, label: impl Into<String>, version: u64) -> Self {
        self.labels.entry(model.into()).or_default().insert(label.into(), version);
        self
    }

    /// With the requests of a model spread like this.
    #[must_use]
    pub fn with_traffic(mut self, model: impl Into<String>, traffic: Traffic) -> Self {
        self.traffic.insert(model.into(), traffic);
        self
    }

    /// With this in control of what is loaded.
    #[must_use]
    pub fn with_control(mut self, control: ControlMode) -> Self {
        self.control = control;
        self
    }

    /// With a look at once where files change, under [`ControlMode::Poll`].
    #[must_use]
    pub fn with_file_events(mut self, watches_files: bool) -> Self {
        self.watches_files = watches_files;
        self
    }

    /// With one more model that is loaded at the start, under [`ControlMode::Explicit`].
    #[must_use]
    pub fn with_load_at_start(mut self, model: impl Into<String>) -> Self {
        self.load_at_start.insert(model.into());
        self
    }

    /// With these options for loading.
    #[must_use]
    pub fn with_load_options(mut self, load: LoadOptions) -> Self {
        self.load = load;
        self
    }

    /// With this model in a process of its own; the engine must be a [`wharf_engine::IsolatingEngine`].
    #[must_use]
    pub fn with_isolated(mut self, model: impl Into<String>) -> Self {
        self.isolated.insert(model.into());
        self
    }

    /// With requests joined like this, to all models that have no settings of their own.
    #[must_use]
    pub fn with_default_batching(mut self, batching: BatchConfig) -> Self {
        self.default_batching = batching;
        self
    }

    /// With requests to one model joined like this.
    #[must_use]
    pub fn with_batching(mut self, model: impl Into<String>, batching: BatchConfig) -> Self {
        self.batching.insert(model.into(), batching);
        self
    }

    pub(crate) fn batching(&self, model: &str) -> &BatchConfig {
        self.batching.get(model).unwrap_or(&self.default_batching)
    }

    /// With answers remembered.
    #[must_use]
    pub fn with_cache(mut self, cache: CacheConfig) -> Self {
        self.cache = Some(cache);
        self
    }

    /// With models loaded by their first request.
    #[must_use]
    pub fn with_on_demand(mut self, demand: OnDemand) -> Self {
        self.on_demand = Some(demand);
        self
    }

    /// With versions answering the requests of `source` too before they are served.
    #[must_use]
    pub fn with_warm_up(mut self, source: Arc<dyn WarmUp>) -> Self {
        self.warm_up.push(source);
        self
    }

    /// With these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: ServeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// With this registry, in which what is counted can be read.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Registry) -> Self {
        self.metrics = metrics;
        self
    }

    /// Starts the threads that compute. Models are loaded by [`ModelManager::refresh`].
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn build(self, engine: Arc<dyn Engine>) -> Result<ModelManager, ServiceError> {
        ModelManager::new(self, engine)
    }
}

impl ServeLimits {
    /// With this many threads that compute; 0 counts as 1.
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }

    /// With this many models loading at the same time; 0 counts as 1.
    #[must_use]
    pub fn with_parallel_loads(mut self, models: usize) -> Self {
        self.parallel_loads = models.max(1);
        self
    }

    /// With this many requests waiting at most.
    #[must_use]
    pub fn with_max_waiting(mut self, requests: usize) -> Self {
        self.max_waiting = requests;
        self
    }

    /// With this many requests under way at most.
    #[must_use]
    pub fn with_max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests;
        self
    }

    /// With work below this run in place.
    #[must_use]
    pub fn with_inline_below(mut self, limit: Duration) -> Self {
        self.inline_below = limit;
        self
    }

    /// With so many open sequences of a version at most, and so many of one caller.
    #[must_use]
    pub fn with_max_sequences(mut self, sequences: usize, of_caller: usize) -> Self {
        self.max_sequences = sequences;
        self.max_sequences_of_caller = of_caller;
        self
    }

    /// With the states of the sequences of a version taking so many bytes at most.
    #[must_use]
    pub fn with_max_sequence_bytes(mut self, bytes: usize) -> Self {
        self.max_sequence_bytes = bytes;
        self
    }
}
