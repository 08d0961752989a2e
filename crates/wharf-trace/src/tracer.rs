//! Which requests are traced, and the queue of what is to be sent.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wharf_infer::{Span, SpanSink, Trace, TraceContext};
use wharf_metrics::{Counter, Family, Kind, Sample};

use crate::export::{Exporter, ExporterThread};
use crate::ids::Ids;
use crate::{TraceConfig, TraceError};

/// Decides which requests are traced and takes their spans. Clones are the same tracer; the default one traces
/// nothing.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Inner>>);

struct Inner {
    /// Empty once the tracer has shut down.
    queue: Mutex<Option<SyncSender<Span>>>,
    thread: Mutex<Option<ExporterThread>>,
    ids: Ids,
    is_on: AtomicBool,
    /// The bits of the share that is traced.
    sample: AtomicU64,
    at_start: TraceSettings,
    counts: Arc<SpanCounts>,
}

/// What can be changed of a tracer while it runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceSettings {
    /// Whether anything is traced at all.
    pub is_on: bool,
    /// The share of requests to trace of those whose caller has not decided; 0 to 1.
    pub sample: f64,
}

/// What became of the spans.
#[derive(Debug, Default)]
pub(crate) struct SpanCounts {
    pub(crate) sent: Counter,
    /// No room in the queue.
    pub(crate) queue_full: Counter,
    /// The collector did not take them.
    pub(crate) refused: Counter,
}

impl Tracer {
    /// Starts the thread that sends spans. Whether there is a collector is seen when there is something to send.
    ///
    /// # Errors
    /// The endpoint is no URL, the sample no share, or the thread cannot be started.
    pub fn start(config: TraceConfig) -> Result<Self, TraceError> {
        config.check()?;
        let counts = Arc::new(SpanCounts::default());
        let (queue, waiting) = sync_channel(config.max_waiting);
        let exporter = Exporter::new(&config, Arc::clone(&counts))?;
        let thread = exporter.start(waiting).map_err(TraceError::thread)?;
        let settings = TraceSettings { is_on: true, sample: config.sample };
        Ok(Self(Some(Arc::new(Inner {
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            ids: Ids::default(),
            is_on: AtomicBool::new(settings.is_on),
            sample: AtomicU64::new(settings.sample.to_bits()),
            at_start: settings,
            counts,
        }))))
    }

    /// The trace of a request that arrives, where it is recorded: as its caller says in `parent`, or else as chance
    /// has it.
    pub fn begin(&self, parent: Option<TraceContext>) -> Option<Trace> {
        let inner = self.0.as_ref().filter(|inner| inner.is_on.load(Ordering::Relaxed))?;
        let is_sampled = match parent {
            Some(parent) => parent.is_sampled,
            None => inner.ids.falls(inner.settings().sample),
        };
        if !is_sampled {
            return None;
        }
        let trace_id = parent.map_or_else(|| inner.ids.trace(), |parent| parent.trace_id);
        Some(Trace::new(trace_id, inner.ids.span(), Arc::clone(inner) as Arc<dyn SpanSink>))
    }

    /// How it is set; `None` where it traces nothing.
    pub fn settings(&self) -> Option<TraceSettings> {
        self.0.as_ref().map(|inner| inner.settings())
    }

    /// How it was set at the start.
    pub fn settings_at_start(&self) -> Option<TraceSettings> {
        self.0.as_ref().map(|inner| inner.at_start)
    }

    /// Sets it anew, from the next request on. Without effect on one that traces nothing.
    pub fn set(&self, settings: TraceSettings) {
        if let Some(inner) = &self.0 {
            inner.sample.store(settings.sample.clamp(0.0, 1.0).to_bits(), Ordering::Relaxed);
            inner.is_on.store(settings.is_on, Ordering::Relaxed);
        }
    }

    /// Sends what waits, for `patience` at most, and ends the thread. Says whether all could be sent or given up in
    /// that time.
    pub fn shutdown(&self, patience: Duration) -> bool {
        let Some(inner) = &self.0 else { return true };
        // The thread ends when the queue has no other end left and nothing in it.
        inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = inner.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.is_none_or(|thread| thread.finish(Instant::now() + patience))
    }

    /// A collector of what became of the spans.
    pub fn collector(&self) -> impl Fn(&mut Vec<Family>) + Send + Sync + use<> {
        let counts = self.0.as_ref().map(|inner| Arc::clone(&inner.counts));
        move |families| {
            let Some(counts) = &counts else { return };
            let help = "Spans by what became of them.";
            let mut family = Family::new("wharf_trace_spans_total", Kind::Counter).with_help(help);
            for (outcome, count) in
                [("sent", &counts.sent), ("queue_full", &counts.queue_full), ("refused", &counts.refused)]
            {
                family.push(Sample::number(count.get() as f64).with_label("outcome", outcome));
            }
            families.push(family);
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tracer").field(&self.settings()).finish()
    }
}

impl Inner {
    fn settings(&self) -> TraceSettings {
        TraceSettings {
            is_on: self.is_on.load(Ordering::Relaxed),
            sample: f64::from_bits(self.sample.load(Ordering::Relaxed)),
        }
    }
}

impl SpanSink for Inner {
    fn record(&self, span: Span) {
        // Held for the time of a push, never while something is sent.
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_none_or(|queue| queue.try_send(span).is_err()) {
            self.counts.queue_full.increment();
        }
    }

    fn new_span_id(&self) -> u64 {
        self.ids.span()
    }
}

#[cfg(test)]
mod tests;
