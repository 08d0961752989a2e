//! Requests that a version answers before clients' reach it.

use std::fmt;
use std::path::Path;

use wharf_engine::{LoadedModel, StopSignal};
use wharf_infer::{NamedTensor, ServiceError};

use crate::ModelInfo;

/// One request, as a version is called in-process.
#[derive(Clone, Debug, Default)]
pub struct WarmUpRequest {
    /// Which way to call it; empty for the default one.
    pub signature: String,
    /// What goes in.
    pub inputs: Vec<NamedTensor>,
    /// What is to come out; empty for everything.
    pub outputs: Vec<String>,
}

/// Where the requests of a version come from: files beside its weights, in the format of some other server.
pub trait WarmUp: fmt::Debug + Send + Sync {
    /// Hands every request of the version in `folder` to `run`, in order, and says how many there were. Blocks.
    ///
    /// # Errors
    /// The files are damaged, or do not fit the version; or what `run` said.
    fn each(
        &self,
        folder: &Path,
        info: &ModelInfo,
        run: &mut dyn FnMut(WarmUpRequest) -> Result<(), ServiceError>,
    ) -> Result<usize, ServiceError>;
}

/// Has `model` answer its requests. Says how many there were.
///
/// # Errors
/// They cannot be read, or one of them fails: then the version is not to be served.
pub(crate) fn warm_up(
    source: &dyn WarmUp,
    folder: &Path,
    info: &ModelInfo,
    model: &LoadedModel,
) -> Result<usize, ServiceError> {
    source.each(folder, info, &mut |request| run(model, request))
}

/// Has `model` answer one request.
pub(crate) fn run(model: &LoadedModel, request: WarmUpRequest) -> Result<(), ServiceError> {
    let signature = match request.signature.as_str() {
        "" => wharf_bundle::DEFAULT_SIGNATURE,
        name => name,
    };
    model.check(signature, &request.inputs, &request.outputs)?;
    model.run(signature, &request.inputs, &request.outputs, &StopSignal::never()).map(drop)
}
