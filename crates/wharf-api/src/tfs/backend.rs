//! What both wires do once a request is understood.

use wharf_bundle::{DEFAULT_SIGNATURE, Signature};
use wharf_infer::{Deadline, ErrorCode, InferResponse, NamedTensor, ServiceError};
use wharf_serve::ModelInfo;

use super::encode::TensorEncoding;
use super::model_spec::Target;
use super::signature::shown;
use crate::backend::Backend;

/// The models behind TensorFlow Serving's wires.
#[derive(Clone)]
pub(crate) struct TfsBackend {
    pub(super) common: Backend,
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

impl TfsBackend {
    pub(crate) fn new(common: Backend, encoding: TensorEncoding) -> Self {
        Self { common, encoding }
    }

    pub(crate) fn manager(&self) -> &wharf_serve::ModelManager {
        &self.common.manager
    }

    /// Finds the version that `target` means.
    pub(super) fn resolve(&self, target: &Target) -> Result<Resolved, ServiceError> {
        let info = self.common.find(&target.model)?;
        let signature_name = match target.signature.as_str() {
            "" => DEFAULT_SIGNATURE.to_owned(),
            name => name.to_owned(),
        };
        Ok(Resolved { info, signature_name })
    }

    /// Runs the version that was found.
    pub(super) async fn run(
        &self,
        resolved: &Resolved,
        inputs: Vec<NamedTensor>,
        outputs: Vec<String>,
        deadline: Deadline,
    ) -> Result<InferResponse, ServiceError> {
        self.common.run(&resolved.info, &resolved.signature_name, inputs, outputs, deadline.into()).await
    }
}
