//! One request, from its arrival to its end, whatever that is.

use std::sync::Arc;
use std::time::Instant;

use wharf_infer::{Deadline, ErrorCode, ServiceError};

use super::{ModelMetrics, StatusCounters};

/// A request that has arrived. Dropped without an answer, it counts as given up by whoever asked.
pub(crate) struct Call<'a> {
    unrouted: &'a StatusCounters,
    model: Option<Arc<ModelMetrics>>,
    arrived: Instant,
    deadline: Deadline,
    is_finished: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(unrouted: &'a StatusCounters, deadline: Deadline) -> Self {
        Self { unrouted, model: None, arrived: Instant::now(), deadline, is_finished: false }
    }

    /// When it arrived.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// It has been routed.
    pub(crate) fn is_of(&mut self, model: &Arc<ModelMetrics>) {
        self.model = Some(Arc::clone(model));
    }

    /// It has been answered.
    pub(crate) fn finish<T>(mut self, answer: &Result<T, ServiceError>) {
        self.is_finished = true;
        match &self.model {
            None => self.unrouted.count(answer),
            Some(model) => {
                model.statuses.count(answer);
                model.answered(answer.is_ok(), self.arrived.elapsed());
            }
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        // A wire may stop waiting at the deadline a moment before the request itself does.
        let code = match self.deadline.has_passed() {
            true => ErrorCode::DeadlineExceeded,
            false => ErrorCode::Cancelled,
        };
        match &self.model {
            None => self.unrouted.count_error(code),
            Some(model) => {
                model.statuses.count_error(code);
                model.answered(false, self.arrived.elapsed());
            }
        }
    }
}
