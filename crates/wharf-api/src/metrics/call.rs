//! One call, from the moment at which its wire knows it to its end, whatever that is.

use std::time::{Duration, Instant};

use wharf_infer::{Deadline, ErrorCode, ServiceError};

use super::{Api, Entry, escaped};
use crate::backend::Backend;
use crate::rest::Failure;
use crate::status::is_our_fault;
use crate::trace::{self, Incoming};

/// A call that has begun. Dropped without an answer, it counts as given up by whoever called.
pub(crate) struct Call<'a> {
    backend: &'a Backend,
    kind: (Api, Entry),
    model: String,
    started: Instant,
    deadline: Deadline,
    incoming: Option<Incoming>,
    is_finished: bool,
}

/// Why a call has no answer.
pub(crate) trait Reason {
    fn code(&self) -> ErrorCode;
    fn message(&self) -> &str;
}

impl Reason for ServiceError {
    fn code(&self) -> ErrorCode {
        ServiceError::code(self)
    }

    fn message(&self) -> &str {
        ServiceError::message(self)
    }
}

impl Reason for Failure {
    fn code(&self) -> ErrorCode {
        Failure::code(self)
    }

    fn message(&self) -> &str {
        Failure::message(self)
    }
}

impl<'a> Call<'a> {
    pub(crate) fn new(backend: &'a Backend, kind: (Api, Entry), model: &str, deadline: Deadline) -> Self {
        let (model, incoming) = (model.to_owned(), trace::current());
        Self { backend, kind, model, started: Instant::now(), deadline, incoming, is_finished: false }
    }

    /// It has been answered; gives the answer back.
    pub(crate) fn finish<T, E: Reason>(mut self, answer: Result<T, E>) -> Result<T, E> {
        self.is_finished = true;
        match &answer {
            Ok(_) => self.succeeded(self.started.elapsed()),
            Err(reason) => self.failed(reason.code(), reason.message()),
        }
        answer
    }

    fn succeeded(&self, elapsed: Duration) {
        let model = self.backend.metrics.model(&self.model, &self.backend.manager);
        let call = model.of(self.kind.0, self.kind.1);
        call.statuses.count(&Ok(()));
        call.latency.record(u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX));
        self.trace(None);
    }

    fn trace(&self, error: Option<ErrorCode>) {
        let Some(incoming) = &self.incoming else { return };
        let Some(trace) = &incoming.trace else { return };
        let (api, entry) = self.kind;
        let attributes = vec![
            ("model.name", escaped(&self.model).to_string().into()),
            ("api", api.name(entry).into()),
            ("entrypoint", entry.name().into()),
        ];
        let parent = incoming.parent.map(|parent| parent.span_id);
        trace.request(parent, (incoming.arrived, Instant::now()), attributes, error);
    }

    fn failed(&self, code: ErrorCode, message: &str) {
        let model = self.backend.metrics.model(&self.model, &self.backend.manager);
        model.of(self.kind.0, self.kind.1).statuses.count_error(code);
        self.trace(Some(code));
        // What is our fault has been logged as an error, with its detail.
        if !is_our_fault(code) {
            self.log(code, message);
        }
    }

    /// One line, whatever the client wrote; of a flood of them no more than a budget.
    fn log(&self, code: ErrorCode, message: &str) {
        if !tracing::enabled!(tracing::Level::INFO) {
            return;
        }
        let Some(left_out) = self.backend.metrics.lines.take(Instant::now()) else { return };
        let (api, entry) = self.kind;
        let trace_id = self.incoming.as_ref().and_then(Incoming::trace_id);
        tracing::info!(
            model.name = %escaped(&self.model),
            api = api.name(entry),
            entrypoint = entry.name(),
            code = code.name(),
            trace_id = trace_id.map(tracing::field::display),
            reason = %escaped(message),
            left_out = Some(left_out).filter(|lines| *lines > 0),
            "request refused"
        );
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        match self.deadline.has_passed() {
            true => self.failed(ErrorCode::DeadlineExceeded, "the deadline passed"),
            false => self.failed(ErrorCode::Cancelled, "the client left"),
        }
    }
}
