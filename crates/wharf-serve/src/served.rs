//! A version that answers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use wharf_bundle::Signature;
use wharf_engine::{Isolation, LoadOptions, LoadedModel, TOKENS_SIGNATURE};
use wharf_infer::{ErrorCode, ServiceError};

use crate::batch::{Aim, BatchConfig, LaneRules, QueueLimits, Ran, RunSizes};
use crate::cache::CachePart;
use crate::demand::Taken;
use crate::encode::{EncoderFace, padding};
use crate::ensemble::Ensemble;
use crate::location::Configured;
use crate::metrics::ModelMetrics;
use crate::registry::Registry;
use crate::sequence::SequenceModel;
use crate::warm_up::run;
use crate::{ModelInfo, Padding, ServeConfig, TritonConfig};

/// How a version is loaded and served.
pub(crate) struct Settings {
    pub(crate) load: LoadOptions,
    pub(crate) batching: BatchConfig,
    /// Whether its answers are to be remembered.
    pub(crate) is_cached: bool,
    configured: Option<Configured>,
}

impl Settings {
    /// What the server was told, and what the owner's configuration adds.
    ///
    /// # Errors
    /// The configuration is no good.
    pub(crate) fn of(
        server: &ServeConfig,
        name: &str,
        configured: Option<&Configured>,
    ) -> Result<Self, ServiceError> {
        let (mut load, mut batching) = (server.load.clone(), server.batching(name).clone());
        let mut is_cached = server.cache.as_ref().is_some_and(|cache| cache.is_for(name));
        if let Some(configured) = configured {
            let config = configured.config.as_ref().map_err(|problem| misdeclared(problem.clone()))?;
            load = config.load_options(&load);
            is_cached = config.response_cache.unwrap_or(is_cached) && config.sequence_batching.is_none();
            if !server.batching.contains_key(name) {
                batching = config.batching(&batching);
            }
        }
        if server.isolated.contains(name) {
            load = load.with_isolation(Isolation::Process);
        }
        let says_threads =
            configured.and_then(Configured::parts).and_then(|(_, config)| config.intra_threads);
        let has_default = load.intra_threads == LoadOptions::default().intra_threads;
        if says_threads.is_none()
            && has_default
            && let Some(threads) = batching.intra_threads(server.limits.workers)
        {
            load = load.with_intra_threads(threads);
        }
        Ok(Self { load, batching, is_cached, configured: configured.cloned() })
    }
}

/// What a model is told of sequences, where its owner's configuration says.
fn bound(
    folder: &Path,
    config: &TritonConfig,
    model: &LoadedModel,
    instances: Option<usize>,
) -> Result<Option<SequenceModel>, ServiceError> {
    let Some(batching) = &config.sequence_batching else { return Ok(None) };
    let bound = SequenceModel::bind(batching, (folder, config), model, instances);
    bound.map(Some).map_err(|problem| misdeclared(format!("config.pbtxt: {problem}")))
}

fn misdeclared(problem: String) -> ServiceError {
    ServiceError::new(ErrorCode::FailedPrecondition, problem)
}

/// A loaded version under the name by which it is served. Requests share it; the last one to let go of it
/// unloads it.
pub(crate) struct ServedModel {
    pub(crate) name: String,
    pub(crate) version: u64,
    pub(crate) model: LoadedModel,
    pub(crate) cost: RunCost,
    pub(crate) batching: BatchConfig,
    /// The owner's configuration, with the folder that it is in.
    configured: Option<Configured>,
    labels: Arc<[String]>,
    rules: LaneRules,
    sizes: RunSizes,
    aim: Option<Aim>,
    pub(crate) metrics: Arc<ModelMetrics>,
    /// How many joined runs of equal requests were answered as the lone one, by signature; [`DIFFERENT`] once that was
    /// seen of requests that differ: then rows are known to be independent.
    compared: Mutex<BTreeMap<String, u32>>,
    /// Set where the rows of a joined run turned out not to be those of its parts.
    is_unbatchable: AtomicBool,
    /// The models that answer in its place, where it is an ensemble.
    pub(crate) ensemble: Option<Ensemble>,
    /// What makes it a language model, where it is an encoder.
    pub(crate) encoder: Option<Arc<EncoderFace>>,
    /// How rows of tokens are made alike, where it is an encoder.
    token_padding: Option<Padding>,
    /// What it is told of sequences, where it keeps states.
    pub(crate) sequences: Option<SequenceModel>,
    /// Its answers, where they are remembered.
    pub(crate) cache: Option<CachePart>,
    /// Its share of a memory budget.
    pub(crate) taken: Option<Taken>,
    /// When it was loaded.
    pub(crate) loaded_at: SystemTime,
    /// Told when this is dropped.
    pub(crate) registry: Weak<Registry>,
}

/// Joined runs of equal requests, as load tests send them, are compared so many times: a graph that mixes rows mixes
/// equal ones too, or gives the same for them, joined or not.
const ENOUGH_EQUAL: u32 = 4;
/// Requests that differ have been compared.
const DIFFERENT: u32 = u32::MAX;

impl ServedModel {
    /// A version under its name and number.
    ///
    /// # Errors
    /// It is not what its owner's configuration says.
    pub(crate) fn new(
        (name, version): (&str, u64),
        mut model: LoadedModel,
        settings: Settings,
        metrics: Arc<ModelMetrics>,
        registry: Weak<Registry>,
    ) -> Result<Self, ServiceError> {
        let Settings { batching, configured, .. } = settings;
        let (mut labels, mut sequences) = (Arc::clone(model.labels()), None);
        if let Some((folder, config)) = configured.as_ref().and_then(Configured::parts) {
            config.check(&model).map_err(misdeclared)?;
            model = model.with_max_batch_size(config.max_batch_size);
            labels = config.labels(folder).map_err(misdeclared)?.unwrap_or(labels);
            sequences = bound(folder, config, &model, batching.instances)?;
        }
        if let Some(told) = &batching.padding {
            told.check(&model).map_err(misdeclared)?;
        }
        let token_padding = model.encoder().map(|encoder| padding(encoder, batching.padding.as_ref()));
        let limit = model.max_batch_size().unwrap_or(usize::MAX);
        let max_rows = batching.max_batch_size.min(limit);
        Ok(Self {
            name: name.to_owned(),
            version,
            configured,
            labels,
            rules: LaneRules {
                max_rows,
                preferred: batching.preferred_sizes.as_slice().into(),
                enough: batching.enough_rows.unwrap_or(usize::MAX),
                max_delay: batching.max_queue_delay,
                max_runs: batching.instances,
            },
            sizes: RunSizes::default(),
            aim: batching.p99_target.map(|target| Aim::new(target, max_rows)),
            model,
            cost: RunCost::default(),
            batching,
            metrics,
            compared: Mutex::default(),
            is_unbatchable: AtomicBool::new(false),
            ensemble: None,
            encoder: None,
            token_padding,
            sequences,
            cache: None,
            taken: None,
            loaded_at: SystemTime::now(),
            registry,
        })
    }

    /// Answers the requests that its owner's configuration makes up.
    ///
    /// # Errors
    /// One fails.
    pub(crate) fn warm_up(&self) -> Result<(), ServiceError> {
        let Some((folder, config)) = self.configured.as_ref().and_then(Configured::parts) else {
            return Ok(());
        };
        for sample in &config.warm_up {
            sample.requests(folder)?.into_iter().try_for_each(|request| run(&self.model, request))?;
        }
        Ok(())
    }

    /// What clients may know of it.
    pub(crate) fn info(&self) -> ModelInfo {
        ModelInfo {
            name: self.name.clone(),
            version: self.version,
            signatures: Arc::clone(self.signatures()),
            labels: Arc::clone(&self.labels),
            config: self.configured.as_ref().and_then(|configured| configured.config.as_ref().ok().cloned()),
            names_version: true,
            served: None,
            is_cached: self.cache.is_some(),
        }
    }

    /// The ways to call it, as clients see them.
    pub(crate) fn signatures(&self) -> &Arc<BTreeMap<String, Signature>> {
        self.sequences.as_ref().map_or_else(|| self.model.signatures(), |sequences| &sequences.signatures)
    }

    /// Whether requests of sequences mean anything to it.
    pub(crate) fn takes_sequences(&self) -> bool {
        self.sequences.is_some() || self.ensemble.as_ref().is_some_and(Ensemble::takes_sequences)
    }

    /// What a request is told for which there is no room, where requests wait for `wait`.
    pub(crate) fn overloaded(&self, text: impl Into<String>, wait: Duration) -> ServiceError {
        let jitter = self.metrics.batches.refused();
        ServiceError::new(ErrorCode::Overloaded, text).with_retry_after(retry_after(wait, jitter))
    }

    /// How many of a rank may wait, and for how long.
    pub(crate) fn queue(&self, rank: u32) -> QueueLimits {
        self.batching.limits(rank)
    }

    /// How requests are joined, by what has been learnt so far.
    pub(crate) fn lane_rules(&self) -> LaneRules {
        let mut rules = self.rules.clone();
        if let Some(aim) = &self.aim {
            let (rows, delay) = aim.limits();
            rules.max_rows = rules.max_rows.min(rows);
            rules.max_delay = rules.max_delay.max(delay);
        }
        if self.batching.only_what_pays {
            rules.max_rows = self.sizes.max_rows(rules.max_rows);
        }
        rules
    }

    /// How requests are run that cannot be joined.
    pub(crate) fn alone_rules(&self) -> LaneRules {
        LaneRules {
            max_rows: 1,
            max_delay: Duration::ZERO,
            preferred: Arc::default(),
            enough: usize::MAX,
            max_runs: self.rules.max_runs,
        }
    }

    /// How the inputs of a signature are lengthened.
    pub(crate) fn padding_of(&self, signature: &str) -> Option<&Padding> {
        let tokens = self.token_padding.as_ref().filter(|_| signature == TOKENS_SIGNATURE);
        tokens.or(self.batching.padding.as_ref())
    }

    /// The most rows of a run.
    pub(crate) fn max_rows(&self) -> usize {
        self.rules.max_rows.max(1)
    }

    /// Whether requests of a signature have rows that were never seen to depend on each other.
    pub(crate) fn has_rows(&self, signature: &str) -> bool {
        !self.is_unbatchable.load(Ordering::Relaxed) && self.model.can_batch(signature)
    }

    /// Learns from a run of what can be joined.
    pub(crate) fn learn(&self, rows: usize, elements: usize, elapsed: Duration) {
        self.sizes.learn(rows, elements, elapsed);
        if let Some(aim) = &self.aim {
            aim.learn(Ran { rows, elapsed, would_gain: self.sizes.would_gain(rows) });
        }
    }

    /// Whether requests of a signature may run together.
    pub(crate) fn can_batch(&self, signature: &str) -> bool {
        self.rules.max_rows > 1 && self.has_rows(signature)
    }

    /// Whether a joined run of a signature is to be compared with a lone one, and if so, whether it was of equal
    /// requests.
    pub(crate) fn is_to_be_compared(
        &self,
        signature: &str,
        are_equal: impl FnOnce() -> bool,
    ) -> Option<bool> {
        // Where sizes are prescribed there may be no lone run to compare with.
        if !self.batching.checks_rows || !self.batching.allowed_sizes.is_empty() {
            return None;
        }
        let compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner).get(signature).copied();
        let count = compared.unwrap_or_default();
        if count == DIFFERENT {
            return None;
        }
        Some(are_equal()).filter(|are_equal| !are_equal || count < ENOUGH_EQUAL)
    }

    /// A joined run of a signature was answered as the lone one.
    pub(crate) fn compared(&self, signature: &str, are_equal: bool) {
        let mut compared = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let count = compared.entry(signature.to_owned()).or_default();
        *count = if are_equal { count.saturating_add(u32::from(*count < ENOUGH_EQUAL)) } else { DIFFERENT };
    }

    /// Runs one by one from now on: an output has not one row for each row of the inputs, or rows depend on others.
    pub(crate) fn stop_batching(&self) {
        if !self.is_unbatchable.swap(true, Ordering::Relaxed) {
            let (name, version) = (&self.name, self.version);
            tracing::warn!(
                model.name = name,
                model.version = version,
                "outputs do not follow rows, or rows depend on each other: no batching"
            );
        }
    }
}

impl Drop for ServedModel {
    fn drop(&mut self) {
        self.metrics.unloaded();
        if let Some(registry) = self.registry.upgrade() {
            registry.unloaded(&self.name, self.version);
        }
    }
}

/// After what time the `number`th that was refused may ask again. Spread over as much time as the queue takes to empty,
/// so that they do not all come back at once: by the golden ratio, which leaves no gaps.
fn retry_after(wait: Duration, number: u64) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    wait.saturating_add(wait.min(MAX_SPREAD).mul_f64((number as f64 * GOLDEN).fract()))
}

/// Nobody is sent away for longer than it takes and this.
const MAX_SPREAD: Duration = Duration::from_secs(30);

/// How long a run takes for its size, learnt from the runs so far.
#[derive(Default)]
pub(crate) struct RunCost {
    /// A moving average; 0 until the first run.
    picos_per_element: AtomicU64,
}

impl RunCost {
    /// What inputs of `size` elements will take; `None` before the first run.
    pub(crate) fn estimate(&self, size: usize) -> Option<Duration> {
        match self.picos_per_element.load(Ordering::Relaxed) {
            0 => None,
            picos => Some(Duration::from_nanos(picos.saturating_mul(size.max(1) as u64) / 1000)),
        }
    }

    /// Learns from a run. Threads that learn at the same time may forget each other's; it is an average.
    pub(crate) fn learn(&self, size: usize, elapsed: Duration) {
        let picos = u64::try_from(elapsed.as_nanos().saturating_mul(1000)).unwrap_or(u64::MAX);
        let picos = picos / size.max(1) as u64;
        let before = self.picos_per_element.load(Ordering::Relaxed);
        let after = if before == 0 { picos } else { before - before / 8 + picos / 8 };
        self.picos_per_element.store(after.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_refused_come_back_after_the_wait_and_not_together() {
        let second = Duration::from_secs(1);
        let mut times: Vec<_> = (0..100).map(|number| retry_after(second, number)).collect();
        times.sort_unstable();
        assert!(times[0] >= second && times[99] < second * 2);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] < second / 50), "{times:?}");
        assert!(retry_after(Duration::MAX, 7) >= second);
    }

    #[test]
    fn cost_is_unknown_then_follows_the_runs() {
        let cost = RunCost::default();
        assert_eq!(cost.estimate(1), None);
        cost.learn(10, Duration::from_micros(100));
        assert_eq!(cost.estimate(1), Some(Duration::from_micros(10)));
        assert_eq!(cost.estimate(32), Some(Duration::from_micros(320)));
        for _ in 0..100 {
            cost.learn(1, Duration::from_millis(1));
        }
        assert!(cost.estimate(1).unwrap() > Duration::from_micros(900));
        cost.learn(0, Duration::MAX);
        assert!(cost.estimate(usize::MAX).is_some());
    }
}
