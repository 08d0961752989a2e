//! What every wire does once a request is understood.

use std::sync::Arc;

use bytes::Bytes;
use tracing::Instrument as _;
use wharf_infer::{
    Deadline, ErrorCode, InferRequest, InferResponse, ModelRef, NamedTensor, SequencePart, ServiceError,
};
use wharf_request_log::RequestLog;
use wharf_serve::{Hold, ModelInfo, ModelManager};

use crate::Limits;
use crate::metrics::{Api, ApiMetrics, Call, Entry};
use crate::request_log::Logged;
use crate::shown::shown;
use crate::trace;

/// How a request is to be run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manner {
    /// Until when its answer is of use.
    pub(crate) deadline: Deadline,
    /// Who goes first; 0 is the model's default.
    pub(crate) priority: u32,
    /// Which sequence it belongs to, where it says anything of one.
    pub(crate) sequence: Option<SequencePart>,
}

impl From<Deadline> for Manner {
    fn from(deadline: Deadline) -> Self {
        Self { deadline, ..Self::default() }
    }
}

/// The models behind the wires.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) manager: ModelManager,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Arc<ApiMetrics>,
    request_log: RequestLog,
}

impl Backend {
    pub(crate) fn new(manager: ModelManager, limits: Arc<Limits>) -> Self {
        Self { manager, limits, metrics: Arc::default(), request_log: RequestLog::default() }
    }

    /// Writes a share of the requests down.
    pub(crate) fn with_request_log(mut self, log: RequestLog) -> Self {
        self.request_log = log;
        self
    }

    /// A call of `model` begins, as far as its wire is concerned.
    pub(crate) fn call(&self, api: Api, entry: Entry, model: &str, deadline: Deadline) -> Call<'_> {
        Call::new(self, (api, entry), model, deadline)
    }

    /// Whether a request for the version that was found would be taken up now; asked before its tensors are read.
    pub(crate) fn check_room(&self, info: &ModelInfo, deadline: Deadline) -> Result<(), ServiceError> {
        self.manager.check_room(&info.name, Some(info.version), deadline)
    }

    /// Loads a model that is loaded by demand, and keeps it loaded for as long as the result lives. Comes before a
    /// model is looked for.
    pub(crate) async fn wake(&self, model: &ModelRef) -> Result<Option<Hold>, ServiceError> {
        self.manager.wake(model).await
    }

    /// The version that `model` means to whoever asks.
    ///
    /// # Errors
    /// It does not exist, or does not answer at present.
    pub(crate) fn find(&self, model: &ModelRef) -> Result<ModelInfo, ServiceError> {
        self.manager.signatures_for(model, &trace::sticky_keys())
    }

    /// Runs the version that was found, and no other that came meanwhile: its signature is what the inputs
    /// were read by.
    pub(crate) async fn run(
        &self,
        info: &ModelInfo,
        signature: &str,
        inputs: Vec<NamedTensor>,
        outputs: Vec<String>,
        manner: Manner,
    ) -> Result<InferResponse, ServiceError> {
        for input in &inputs {
            self.check_size(input)?;
        }
        let version = i64::try_from(info.version).unwrap_or(i64::MAX);
        let mut request = InferRequest::new(ModelRef::specific(&info.name, version));
        request.signature = Some(signature.to_owned());
        request.inputs = inputs;
        request.outputs = outputs;
        request.deadline = manner.deadline;
        request.priority = manner.priority;
        request.sequence = manner.sequence;
        let incoming = trace::current();
        let trace_id = incoming.as_ref().and_then(trace::Incoming::trace_id);
        request.trace = incoming.and_then(|incoming| incoming.trace);
        let span = tracing::info_span!(
            "infer",
            model.name = info.name,
            model.version = info.version,
            signature = signature,
            trace_id = trace_id.map(tracing::field::display),
        );
        request.span = span.clone();
        let logged = self.request_log.wants().then(|| Logged::begin(&request, info.version));
        let answer = self.manager.infer_by(info, request).instrument(span).await;
        if let Some(logged) = logged {
            self.request_log.record(logged.end(&answer));
        }
        answer
    }

    /// Text may hold more numbers than fit into as many bytes: `1,` can stand for eight of them.
    fn check_size(&self, input: &NamedTensor) -> Result<(), ServiceError> {
        let (size, limit) = (input.tensor.bytes().map_or(0, Bytes::len), self.limits.max_body_bytes);
        if size <= limit {
            return Ok(());
        }
        let text = format!("input `{}` takes {size} bytes, expected at most {limit}", shown(&input.name));
        Err(ServiceError::new(ErrorCode::TooLarge, text))
    }
}
