//! What the request log is told of a request.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wharf_infer::{InferRequest, InferResponse, ServiceError, Trace};
use wharf_request_log::Record;

/// A request that is to be written down when it has its answer. Shares its tensors and copies none.
pub(crate) struct Logged {
    record: Record,
    started: Instant,
}

impl Logged {
    pub(crate) fn begin(request: &InferRequest, version: u64) -> Self {
        let record = Record {
            time_micros: 0,
            model: request.model.name.clone(),
            version,
            signature: request.signature.clone().unwrap_or_default(),
            inputs: request.inputs.clone(),
            outputs: request.outputs.clone(),
            status: String::new(),
            duration: Duration::ZERO,
            trace_id: request.trace.as_ref().map(Trace::id),
        };
        Self { record, started: Instant::now() }
    }

    pub(crate) fn end(mut self, answer: &Result<InferResponse, ServiceError>) -> Record {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.record.time_micros = u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX);
        self.record.duration = self.started.elapsed();
        let status = answer.as_ref().map_or_else(|error| error.code().name(), |_| "OK");
        status.clone_into(&mut self.record.status);
        self.record
    }
}
