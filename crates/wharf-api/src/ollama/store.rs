//! Models that come and are copied while the server runs, where its operator lets clients do that.

use std::fmt;
use std::sync::Arc;

use wharf_infer::language::Answered;

/// How far a model is that is being got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullStep {
    /// What is being done, in Ollama's words.
    pub status: String,
    /// The SHA-256 of the file that comes, in hexadecimal, where it is known.
    pub sha256: Option<String>,
    /// Its bytes, where they are known.
    pub total_bytes: Option<u64>,
    /// Those that are here.
    pub done_bytes: Option<u64>,
}

impl PullStep {
    /// Something that has no measure.
    pub fn new(status: impl Into<String>) -> Self {
        Self { status: status.into(), ..Self::default() }
    }
}

/// Told of the steps on the way; false where nobody listens any more. It may wait until they have been heard.
pub type PullReport = Box<dyn FnMut(PullStep) -> bool + Send>;

/// Where models are kept.
pub trait ModelStore: fmt::Debug + Send + Sync {
    /// Gets a model from an address, checks it, publishes it and serves it.
    ///
    /// # Errors
    /// [`wharf_infer::ErrorCode::PermissionDenied`] where the address may not be asked; others where it is none, there
    /// is no such model, or it cannot be kept.
    fn pull(self: Arc<Self>, address: String, report: PullReport) -> Answered<'static, ()>;

    /// Publishes a model under another name as well, and serves it.
    ///
    /// # Errors
    /// There is no such model, or the name is none.
    fn copy(self: Arc<Self>, source: String, destination: String) -> Answered<'static, ()>;
}
