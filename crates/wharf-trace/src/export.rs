//! The thread that sends spans to the collector.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use prost::Message as _;
use ureq::Agent;
use wharf_infer::{Span, SpanValue};

use crate::clock::Clock;
use crate::otlp;
use crate::tracer::SpanCounts;
use crate::{TraceConfig, TraceError};

/// Spans of one message.
const MAX_BATCH: usize = 512;
/// How long the first of a message waits for more.
const MAX_DELAY: Duration = Duration::from_millis(500);
/// How long a collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often a message is offered to a collector that is away or busy.
const MAX_ATTEMPTS: u32 = 4;
/// The first pause between two attempts; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Sends spans to a collector.
pub(crate) struct Exporter {
    url: String,
    agent: Agent,
    resource: otlp::Resource,
    counts: Arc<SpanCounts>,
}

/// The thread, and how to tell that it has ended.
pub(crate) struct ExporterThread {
    /// Closed when the thread ends.
    ended: Receiver<()>,
    /// Dropped to have no more attempts made.
    stops: SyncSender<()>,
}

/// Why a message was not taken.
enum Failure {
    /// It may be taken later.
    Later(String),
    /// It never will.
    Never(String),
}

impl Exporter {
    pub(crate) fn new(config: &TraceConfig, counts: Arc<SpanCounts>) -> Result<Self, TraceError> {
        let agent = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .http_status_as_error(false)
            .build();
        let attributes = vec![
            otlp::KeyValue::text("service.name", &config.service),
            otlp::KeyValue::text("service.version", env!("CARGO_PKG_VERSION")),
        ];
        Ok(Self { url: config.url()?, agent: agent.into(), resource: otlp::Resource { attributes }, counts })
    }

    /// Sends what comes out of `waiting` until its other end is gone.
    pub(crate) fn start(self, waiting: Receiver<Span>) -> io::Result<ExporterThread> {
        let (ends, ended) = sync_channel::<()>(0);
        let (stops, stopped) = sync_channel(0);
        thread::Builder::new().name("wharf-trace".to_owned()).spawn(move || {
            self.run(&waiting, &stopped);
            drop(ends);
        })?;
        Ok(ExporterThread { ended, stops })
    }

    fn run(&self, waiting: &Receiver<Span>, stopped: &Receiver<()>) {
        while let Some(spans) = next_batch(waiting) {
            let count = spans.len() as u64;
            let message = self.message(spans).encode_to_vec();
            match self.send(&message, stopped) {
                Ok(()) => self.counts.sent.add(count),
                Err(reason) => {
                    self.counts.refused.add(count);
                    tracing::warn!(reason, spans = count, "the collector did not take spans");
                }
            }
        }
    }

    /// Offers a message until it is taken, or is not to be offered again.
    fn send(&self, message: &[u8], stopped: &Receiver<()>) -> Result<(), String> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            match self.post(message) {
                Ok(()) => return Ok(()),
                Err(Failure::Never(reason)) => return Err(reason),
                Err(Failure::Later(reason)) if attempt == MAX_ATTEMPTS => return Err(reason),
                // A server that stops waits for no collector that is away.
                Err(Failure::Later(reason)) => match stopped.recv_timeout(pause) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(_) | Err(RecvTimeoutError::Disconnected) => return Err(reason),
                },
            }
            pause *= 2;
        }
        Ok(())
    }

    fn post(&self, message: &[u8]) -> Result<(), Failure> {
        let request = self.agent.post(&self.url).header("content-type", "application/x-protobuf");
        match request.send(message) {
            Err(error) => Err(Failure::Later(error.to_string())),
            Ok(reply) => match reply.status().as_u16() {
                200..=299 => Ok(()),
                // Those of which OTLP says that they pass.
                status @ (429 | 502 | 503 | 504) => Err(Failure::Later(format!("HTTP {status}"))),
                status => Err(Failure::Never(format!("HTTP {status}"))),
            },
        }
    }

    fn message(&self, spans: Vec<Span>) -> otlp::ExportTraceServiceRequest {
        let scope = otlp::Scope { name: "wharf".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        // Read anew each time: the system's clock is put right now and then.
        let clock = Clock::now();
        let spans = spans.into_iter().map(|span| encoded(span, &clock)).collect();
        let scope_spans = vec![otlp::ScopeSpans { scope: Some(scope), spans }];
        let resource_spans = otlp::ResourceSpans { resource: Some(self.resource.clone()), scope_spans };
        otlp::ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
    }
}

impl ExporterThread {
    /// Waits until the thread has ended, but not past `deadline`; says whether it has.
    pub(crate) fn finish(self, deadline: Instant) -> bool {
        drop(self.stops);
        let rest = deadline.saturating_duration_since(Instant::now());
        matches!(self.ended.recv_timeout(rest), Err(RecvTimeoutError::Disconnected))
    }
}

/// What goes into the next message; `None` when nothing will come any more.
fn next_batch(waiting: &Receiver<Span>) -> Option<Vec<Span>> {
    let mut spans = vec![waiting.recv().ok()?];
    let until = Instant::now() + MAX_DELAY;
    while spans.len() < MAX_BATCH {
        match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(span) => spans.push(span),
            Err(_) => break,
        }
    }
    Some(spans)
}

fn encoded(span: Span, clock: &Clock) -> otlp::Span {
    let attribute = |(key, value)| match value {
        SpanValue::Text(text) => otlp::KeyValue::text(key, text),
        SpanValue::Count(count) => otlp::KeyValue::int(key, count),
    };
    let status =
        span.error.map(|error| otlp::Status { message: error.name().to_owned(), code: otlp::STATUS_ERROR });
    otlp::Span {
        trace_id: span.trace_id.to_be_bytes().to_vec(),
        span_id: span.span_id.to_be_bytes().to_vec(),
        parent_span_id: span.parent.map(|parent| parent.to_be_bytes().to_vec()).unwrap_or_default(),
        name: span.name.to_owned(),
        kind: if span.is_of_server { otlp::KIND_SERVER } else { otlp::KIND_INTERNAL },
        start_time_unix_nano: clock.nanos_at(span.started),
        end_time_unix_nano: clock.nanos_at(span.ended),
        attributes: span.attributes.into_iter().map(attribute).collect(),
        status,
    }
}
