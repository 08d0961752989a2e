//! What came of spreading the requests of a model.

use std::time::Duration;

use wharf_infer::ErrorCode;

use super::{ShadowReport, Traffic};
use crate::metrics::ModelMetrics;
use crate::{VersionState, VersionStatus};

/// How the requests of a model are spread, and how its versions do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrafficReport {
    /// As it was last said, but that a version which was rolled back has 0; `None` where the newest gets all.
    pub traffic: Option<Traffic>,
    /// What came of the copies that the shadow had, where there is one.
    pub shadow: Option<ShadowReport>,
    /// Every version that is known, newest first.
    pub versions: Vec<VersionTraffic>,
}

/// One version, and what was counted of it since it was loaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct VersionTraffic {
    /// The version.
    pub version: u64,
    /// Where it stands.
    pub state: VersionState,
    /// Its part of the requests that name no version; `None` where it was given none.
    pub weight: Option<u32>,
    /// Whether its part was taken from it because it broke its bounds.
    pub is_rolled_back: bool,
    /// Why it does not answer, or gets no requests.
    pub error: Option<String>,
    /// Requests that were answered, and those that were not.
    pub requests: u64,
    /// Those that were not, for whatever reason.
    pub failures: u64,
    /// What 99 of 100 of those that were answered stayed below, to within a tenth.
    pub p99: Option<Duration>,
}

impl VersionTraffic {
    pub(super) fn new(status: VersionStatus, weight: Option<u32>, metrics: Option<&ModelMetrics>) -> Self {
        let (succeeded, failures, p99) = metrics.map(ModelMetrics::outcomes).unwrap_or_default();
        let is_rolled_back = status.error.as_ref().is_some_and(|(code, _)| *code == ErrorCode::Aborted);
        Self {
            version: status.version,
            state: status.state,
            weight,
            is_rolled_back,
            error: status.error.map(|(_, message)| message),
            requests: succeeded + failures,
            failures,
            p99,
        }
    }
}
