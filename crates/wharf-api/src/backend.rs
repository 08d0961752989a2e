//! What every wire does once a request is understood.

use std::sync::Arc;

use tracing::Instrument as _;
use wharf_infer::{Deadline, InferRequest, InferResponse, ModelRef, NamedTensor, ServiceError};
use wharf_serve::{ModelInfo, ModelManager};

use crate::Limits;

/// The models behind the wires.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(crate) manager: ModelManager,
    pub(crate) limits: Arc<Limits>,
}

impl Backend {
    pub(crate) fn new(manager: ModelManager, limits: Arc<Limits>) -> Self {
        Self { manager, limits }
    }

    /// Runs the version that was found, and no other that came meanwhile: its signature is what the inputs
    /// were read by.
    pub(crate) async fn run(
        &self,
        info: &ModelInfo,
        signature: &str,
        inputs: Vec<NamedTensor>,
        outputs: Vec<String>,
        deadline: Deadline,
    ) -> Result<InferResponse, ServiceError> {
        let version = i64::try_from(info.version).unwrap_or(i64::MAX);
        let mut request = InferRequest::new(ModelRef::specific(&info.name, version));
        request.signature = Some(signature.to_owned());
        request.inputs = inputs;
        request.outputs = outputs;
        request.deadline = deadline;
        let span = tracing::info_span!(
            "infer",
            model.name = info.name,
            model.version = info.version,
            signature = signature
        );
        request.span = span.clone();
        self.manager.infer(request).instrument(span).await
    }
}
