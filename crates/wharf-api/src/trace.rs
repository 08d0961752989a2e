//! The trace of the request that is being answered, and whose request it is.
//!
//! Both go along with the task and not through the arguments of every handler: none of them has anything to decide
//! about it. [`Traced`] puts them there for each request of a wire; whoever counts the call, whoever looks for the
//! version and whoever runs the model take them from there.

use std::fmt;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Request, Response};
use tonic::body::Body;
use wharf_infer::{ServiceError, Trace, TraceContext};
use wharf_serve::{ModelManager, StickyKeys};
use wharf_trace::Tracer;

use crate::listener::{RequestBody, Wire};

/// W3C's header, which gRPC clients send as metadata of the same name.
const TRACEPARENT: &str = "traceparent";

tokio::task_local! {
    static INCOMING: Incoming;
}

/// What is known of a request's trace.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    /// What the caller said.
    pub(crate) parent: Option<TraceContext>,
    /// Where its spans go, if they are recorded.
    pub(crate) trace: Option<Trace>,
    /// When its head had arrived.
    pub(crate) arrived: Instant,
    /// Whose it is, where versions go by that.
    keys: StickyKeys,
}

/// The number of a trace, as logs write it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TraceId(u128);

impl Incoming {
    /// The next request of a stream, which has a span of its own.
    pub(crate) fn again(&self) -> Self {
        let (trace, keys) = (self.trace.as_ref().map(Trace::again), self.keys.clone());
        Self { parent: self.parent, trace, arrived: Instant::now(), keys }
    }

    /// The trace, if anybody has named or begun one.
    pub(crate) fn trace_id(&self) -> Option<TraceId> {
        let begun = self.trace.as_ref().map(Trace::id);
        begun.or(self.parent.map(|parent| parent.trace_id)).map(TraceId)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// What is known of the trace of the request that this task answers.
pub(crate) fn current() -> Option<Incoming> {
    INCOMING.try_with(Clone::clone).ok()
}

/// Whose request it is that this task answers, where versions go by that.
pub(crate) fn sticky_keys() -> StickyKeys {
    INCOMING.try_with(|incoming| incoming.keys.clone()).unwrap_or_default()
}

/// Does `work` on another thread for the request that `incoming` is of.
pub(crate) fn within_thread<T>(incoming: Option<Incoming>, work: impl FnOnce() -> T) -> T {
    match incoming {
        Some(incoming) => INCOMING.sync_scope(incoming, work),
        None => work(),
    }
}

/// Does `work` for the request that `incoming` is of.
pub(crate) async fn within<T>(incoming: Option<Incoming>, work: impl Future<Output = T>) -> T {
    match incoming {
        Some(incoming) => INCOMING.scope(incoming, work).await,
        None => work.await,
    }
}

/// A wire, with the trace of each request beside it, and whose it is.
#[derive(Clone)]
pub(crate) struct Traced<W> {
    wire: W,
    tracer: Tracer,
    manager: ModelManager,
}

impl<W: Wire> Traced<W> {
    pub(crate) fn new(wire: W, tracer: &Tracer, manager: &ModelManager) -> Self {
        Self { wire, tracer: tracer.clone(), manager: manager.clone() }
    }

    fn incoming(&self, headers: &HeaderMap) -> Option<Incoming> {
        let parent = parent(headers);
        let trace = self.tracer.begin(parent);
        let keys = self.manager.sticky_keys(|name| headers.get(name).map(HeaderValue::as_bytes));
        let says_something = parent.is_some() || trace.is_some() || !keys.is_empty();
        says_something.then(|| Incoming { parent, trace, arrived: Instant::now(), keys })
    }
}

/// What the caller says; nothing where it says it twice.
pub(crate) fn parent(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let value = values.next().filter(|_| values.next().is_none())?;
    TraceContext::parse(value.to_str().ok()?)
}

impl<W: Wire> Wire for Traced<W> {
    async fn answer(&self, request: Request<RequestBody>) -> Response<Body> {
        let incoming = self.incoming(request.headers());
        within(incoming, self.wire.answer(request)).await
    }

    fn refused(&self, error: &ServiceError) -> Response<Body> {
        self.wire.refused(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_contradicts_itself_says_nothing() {
        let mut headers = HeaderMap::new();
        assert_eq!(parent(&headers), None);
        let value = HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        headers.append(TRACEPARENT, value.clone());
        assert!(parent(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert_eq!(parent(&headers), None);
    }
}
