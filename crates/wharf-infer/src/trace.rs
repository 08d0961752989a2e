//! The trace that a request belongs to, and the stretches of time that are told of it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::ErrorCode;

/// The trace and the caller's span, as W3C's `traceparent` header has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; never 0.
    pub trace_id: u128,
    /// The span that called; never 0.
    pub span_id: u64,
    /// Whether the caller records its part.
    pub is_sampled: bool,
}

/// Takes spans when they have ended. Must not wait: it is called between two steps of a request.
pub trait SpanSink: Send + Sync {
    /// One more span.
    fn record(&self, span: Span);

    /// A number that no other span has.
    fn new_span_id(&self) -> u64;
}

/// A request whose spans are recorded.
#[derive(Clone)]
pub struct Trace {
    trace_id: u128,
    span_id: u64,
    sink: Arc<dyn SpanSink>,
}

/// A stretch of time in which something was done for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What was done.
    pub name: &'static str,
    /// The trace that it belongs to.
    pub trace_id: u128,
    /// Its own number.
    pub span_id: u64,
    /// The span that it is a part of.
    pub parent: Option<u64>,
    /// Whether it is the whole answer to a caller outside.
    pub is_of_server: bool,
    /// When it began.
    pub started: Instant,
    /// When it ended.
    pub ended: Instant,
    /// What else is known of it.
    pub attributes: Vec<(&'static str, SpanValue)>,
    /// Why it failed.
    pub error: Option<ErrorCode>,
}

/// What is known of a span.
#[derive(Clone, Debug, PartialEq)]
pub enum SpanValue {
    /// A text.
    Text(String),
    /// A count.
    Count(u64),
}

impl TraceContext {
    /// Reads a `traceparent` header; `None` where it is none (W3C Trace Context, 3.2).
    pub fn parse(header: &str) -> Option<Self> {
        let mut fields = header.split('-');
        let (version, trace, span, flags) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let version = hex(version, 2).filter(|version| *version != 0xff)?;
        if version == 0 && fields.next().is_some() {
            return None;
        }
        let trace_id = hex(trace, 32).filter(|id| *id != 0)?;
        let span_id = hex(span, 16).and_then(|id| u64::try_from(id).ok()).filter(|id| *id != 0)?;
        Some(Self { trace_id, span_id, is_sampled: hex(flags, 2)? & 1 == 1 })
    }
}

/// So many small hexadecimal digits.
fn hex(digits: &str, count: usize) -> Option<u128> {
    let is_hex = digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digits.len() != count || !is_hex {
        return None;
    }
    u128::from_str_radix(digits, 16).ok()
}

impl Trace {
    /// A request with the span `span_id` in the trace `trace_id`, whose parts `sink` takes.
    pub fn new(trace_id: u128, span_id: u64, sink: Arc<dyn SpanSink>) -> Self {
        Self { trace_id, span_id, sink }
    }

    /// The trace.
    pub fn id(&self) -> u128 {
        self.trace_id
    }

    /// Another request of the same trace.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { span_id: self.sink.new_span_id(), ..self.clone() }
    }

    /// Tells of the whole request; `parent` is the span that called.
    pub fn request(
        &self,
        parent: Option<u64>,
        times: (Instant, Instant),
        attributes: Vec<(&'static str, SpanValue)>,
        error: Option<ErrorCode>,
    ) {
        let span = self.span("request", times, attributes);
        self.sink.record(Span { span_id: self.span_id, parent, is_of_server: true, error, ..span });
    }

    /// Tells of a part of it.
    pub fn part(
        &self,
        name: &'static str,
        times: (Instant, Instant),
        attributes: Vec<(&'static str, SpanValue)>,
    ) {
        self.sink.record(self.span(name, times, attributes));
    }

    fn span(
        &self,
        name: &'static str,
        (started, ended): (Instant, Instant),
        attributes: Vec<(&'static str, SpanValue)>,
    ) -> Span {
        Span {
            name,
            trace_id: self.trace_id,
            span_id: self.sink.new_span_id(),
            parent: Some(self.span_id),
            is_of_server: false,
            started,
            ended,
            attributes,
            error: None,
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trace({:032x}-{:016x})", self.trace_id, self.span_id)
    }
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for SpanValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for SpanValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn a_traceparent_says_trace_span_and_flag() {
        for (flags, is_sampled) in [("00", false), ("01", true), ("03", true), ("02", false)] {
            let context = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(format!("{:032x}", context.trace_id), TRACE);
            assert_eq!(format!("{:016x}", context.span_id), SPAN);
            assert_eq!(context.is_sampled, is_sampled, "{flags}");
        }
        // Versions to come may say more.
        assert!(TraceContext::parse(&format!("cc-{TRACE}-{SPAN}-01-what-comes")).is_some());
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let zeros = "0".repeat(32);
        for header in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", &TRACE[1..]),
        ] {
            assert_eq!(TraceContext::parse(&header), None, "{header}");
        }
    }
}
