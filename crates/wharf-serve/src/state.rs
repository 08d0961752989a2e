//! Where a version stands between being found and being gone.

use wharf_infer::ErrorCode;

/// Where a version stands. The numbers of TensorFlow Serving's wire are in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VersionState {
    /// It has been found and waits for its turn to load (10).
    Start,
    /// It is being loaded and its goldens replayed (20).
    Loading,
    /// It answers (30).
    Available,
    /// It is routed to no more; requests that have it still run (40).
    Unloading,
    /// It is gone, or could not be loaded: then there is an error (50).
    End,
}

impl VersionState {
    /// The name that wires and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            VersionState::Start => "START",
            VersionState::Loading => "LOADING",
            VersionState::Available => "AVAILABLE",
            VersionState::Unloading => "UNLOADING",
            VersionState::End => "END",
        }
    }
}

/// One version of a model as its status reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionStatus {
    /// The version.
    pub version: u64,
    /// Where it stands.
    pub state: VersionState,
    /// Why it could not be loaded.
    pub error: Option<(ErrorCode, String)>,
}
