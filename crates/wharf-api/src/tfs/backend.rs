//! What both wires do once a request is understood.

use std::sync::Arc;

use tracing::Instrument as _;
use wharf_bundle::{DEFAULT_SIGNATURE, Signature};
use wharf_infer::{Deadline, ErrorCode, InferRequest, InferResponse, ModelRef, NamedTensor, ServiceError};
use wharf_serve::{ModelInfo, ModelManager};

use super::encode::TensorEncoding;
use super::model_spec::Target;
use super::signature::shown;
use crate::Limits;

/// The models behind the wires.
#[derive(Clone)]
pub(crate) struct Backend {
    pub(super) manager: ModelManager,
    pub(super) limits: Arc<Limits>,
    pub(super) encoding: TensorEncoding,
}

/// A model version that was found, and the name of the signature that is meant.
pub(super) struct Resolved {
    pub(super) info: ModelInfo,
    pub(super) signature_name: String,
}

impl Resolved {
    /// The signature, where the model has it.
    pub(super) fn find_signature(&self) -> Option<&Signature> {
        self.info.signatures.get(&self.signature_name)
    }

    /// The signature, or the error of a predict call over gRPC.
    pub(super) fn signature(&self) -> Result<&Signature, ServiceError> {
        self.find_signature().ok_or_else(|| {
            let text = format!("Serving signature key \"{}\" not found.", shown(&self.signature_name));
            ServiceError::new(ErrorCode::FailedPrecondition, text)
        })
    }
}

impl Backend {
    pub(crate) fn new(manager: ModelManager, limits: Arc<Limits>, encoding: TensorEncoding) -> Self {
        Self { manager, limits, encoding }
    }

    /// Finds the version that `target` means.
    pub(super) fn resolve(&self, target: &Target) -> Result<Resolved, ServiceError> {
        let info = self.manager.signatures(&target.model)?;
        let signature_name = match target.signature.as_str() {
            "" => DEFAULT_SIGNATURE.to_owned(),
            name => name.to_owned(),
        };
        Ok(Resolved { info, signature_name })
    }

    /// Runs the version that was found, and no other that came meanwhile: its signature is what the inputs
    /// were read by.
    pub(super) async fn run(
        &self,
        resolved: &Resolved,
        inputs: Vec<NamedTensor>,
        outputs: Vec<String>,
        deadline: Deadline,
    ) -> Result<InferResponse, ServiceError> {
        let version = i64::try_from(resolved.info.version).unwrap_or(i64::MAX);
        let mut request = InferRequest::new(ModelRef::specific(&resolved.info.name, version));
        request.signature = Some(resolved.signature_name.clone());
        request.inputs = inputs;
        request.outputs = outputs;
        request.deadline = deadline;
        let span = tracing::info_span!(
            "infer",
            model.name = resolved.info.name,
            model.version = resolved.info.version,
            signature = resolved.signature_name
        );
        request.span = span.clone();
        self.manager.infer(request).instrument(span).await
    }
}
