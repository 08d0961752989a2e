//! The numbers of one loaded version.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wharf_bundle::Signature;
use wharf_infer::{ErrorCode, NamedTensor};
use wharf_metrics::{Counter, Gauge, Histogram, TimeCounter};
use wharf_tensor::Dim;

use super::{Clock, Joined, LifeMetrics, StatusCounters};
use crate::batch::BatchStats;

/// Runs are told apart by size up to this many rows.
pub(super) const LARGEST_BATCH: usize = 128;

/// The numbers of one loaded version.
pub(crate) struct ModelMetrics {
    pub(super) name: String,
    pub(super) version: u64,
    /// Whether the first dimension of inputs is one of rows that do not touch each other.
    has_rows: bool,
    pub(super) statuses: StatusCounters,
    /// From arrival to answer, of requests that succeeded.
    pub(super) requests: Histogram,
    /// The same of those that failed.
    pub(super) failures: TimeCounter,
    /// From arrival to the start of the run.
    pub(super) queue: Histogram,
    /// From joining the line of those that wait for a thread to leaving it for a run.
    pub(super) batch_wait: Histogram,
    /// Runs that succeeded.
    pub(super) compute: Histogram,
    /// The same, once for every request in them.
    pub(super) computed: TimeCounter,
    /// Requests that were answered as one before, and what looking that up took.
    pub(super) cache_hits: TimeCounter,
    /// Those that were not, though answers are remembered, and what looking and remembering took.
    pub(super) cache_misses: TimeCounter,
    /// Sequences that ended because nobody asked for them.
    pub(crate) sequences_expired: Counter,
    /// Whether answers are remembered.
    pub(super) is_cached: AtomicBool,
    /// Joined runs, and why they were closed.
    pub(crate) batches: BatchStats,
    /// Of all versions of the model.
    life: Arc<LifeMetrics>,
    /// Of all models.
    joined: Arc<Joined>,
    /// Whether it was ever available.
    was_loaded: AtomicBool,
    /// Rows that were computed.
    pub(super) rows: Counter,
    /// Runs by their number of rows.
    pub(super) runs_by_rows: Box<[TimeCounter]>,
    /// Requests that wait for a thread.
    pub(super) waiting: Gauge,
    /// When the last run succeeded, in milliseconds since the epoch.
    pub(super) last_run_millis: Gauge,
    clock: Clock,
}

/// A request that waits; no longer when dropped.
pub(crate) struct Waits {
    metrics: Arc<ModelMetrics>,
    since: Instant,
}

impl ModelMetrics {
    pub(super) fn new(
        name: &str,
        version: u64,
        signatures: &BTreeMap<String, Signature>,
        (life, joined): (Arc<LifeMetrics>, Arc<Joined>),
        clock: Clock,
    ) -> Self {
        let mut inputs = signatures.values().flat_map(|signature| &signature.inputs);
        let is_of_rows = inputs.all(|input| input.spec.shape.dims().first() == Some(&Dim::Dynamic));
        Self {
            name: name.to_owned(),
            version,
            has_rows: is_of_rows,
            statuses: StatusCounters::default(),
            requests: Histogram::of_durations(),
            failures: TimeCounter::default(),
            queue: Histogram::of_durations(),
            batch_wait: Histogram::of_durations(),
            compute: Histogram::of_durations(),
            computed: TimeCounter::default(),
            cache_hits: TimeCounter::default(),
            cache_misses: TimeCounter::default(),
            sequences_expired: Counter::default(),
            is_cached: AtomicBool::new(false),
            batches: BatchStats::default(),
            life,
            joined,
            was_loaded: AtomicBool::new(false),
            rows: Counter::default(),
            runs_by_rows: (0..=LARGEST_BATCH).map(|_| TimeCounter::default()).collect(),
            waiting: Gauge::default(),
            last_run_millis: Gauge::default(),
            clock,
        }
    }

    /// The version answers from now on; loading it took this long.
    pub(crate) fn loaded(&self, elapsed: Duration) {
        self.life.loads.record(elapsed);
        self.was_loaded.store(true, Ordering::Relaxed);
    }

    /// The version is gone.
    pub(crate) fn unloaded(&self) {
        if self.was_loaded.load(Ordering::Relaxed) {
            self.life.unloads.increment();
        }
    }

    /// How many requests succeeded, how many failed, and what 99 of 100 of the former took.
    pub(crate) fn outcomes(&self) -> (u64, u64, Option<Duration>) {
        let failures = self.statuses.errors().map(|(_, count)| count).sum();
        let p99 = self.requests.snapshot().quantile(0.99);
        (self.statuses.ok(), failures, p99.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()))
    }

    /// A request was refused before it was read.
    pub(crate) fn refused(&self, code: ErrorCode) {
        self.statuses.count_error(code);
    }

    /// A request begins to wait for a thread.
    pub(crate) fn waits(self: &Arc<Self>) -> Waits {
        self.waiting.add(1);
        Waits { metrics: Arc::clone(self), since: Instant::now() }
    }

    /// A request waited this long until its run began.
    pub(crate) fn queued(&self, elapsed: Duration) {
        self.queue.record_duration(elapsed);
    }

    /// Its answers are remembered from now on.
    pub(crate) fn caches(&self) {
        self.is_cached.store(true, Ordering::Relaxed);
    }

    /// A request was answered as one before; looking that up took this long.
    pub(crate) fn cache_hit(&self, elapsed: Duration) {
        self.cache_hits.record(elapsed);
    }

    /// No answer to a request was known, after a look of this long.
    pub(crate) fn cache_miss(&self, elapsed: Duration) {
        self.cache_misses.record(elapsed);
    }

    /// Its answer was remembered, which took this long.
    pub(crate) fn remembered(&self, elapsed: Duration) {
        self.cache_misses.record_times(0, elapsed);
    }

    /// A run for so many requests, of so many rows together, succeeded at the moment `ended`.
    pub(crate) fn ran(&self, requests: usize, rows: usize, elapsed: Duration, ended: Instant) {
        self.compute.record_duration(elapsed);
        let count = u32::try_from(requests).unwrap_or(u32::MAX);
        self.computed.record_times(count.into(), elapsed.saturating_mul(count));
        self.life.runtime.record_durations(count.into(), elapsed);
        self.joined.runs.increment();
        self.rows.add(rows as u64);
        if let Some(runs) = self.runs_by_rows.get(rows) {
            runs.record(elapsed);
        }
        let millis = self.clock.millis_at(ended);
        self.last_run_millis.set(i64::try_from(millis).unwrap_or(i64::MAX));
    }

    /// How many rows a request has: 1 where the model knows no rows.
    pub(crate) fn rows_of(&self, inputs: &[NamedTensor]) -> usize {
        let first = inputs.first().filter(|_| self.has_rows);
        first.and_then(|input| input.tensor.shape().dims().first().copied()).unwrap_or(1)
    }

    pub(super) fn answered(&self, is_ok: bool, elapsed: Duration) {
        match is_ok {
            true => self.requests.record_duration(elapsed),
            false => self.failures.record(elapsed),
        }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.metrics.waiting.add(-1);
        let waited = self.since.elapsed();
        self.metrics.batch_wait.record_duration(waited);
        self.metrics.joined.waits.record_durations(1, waited);
    }
}
