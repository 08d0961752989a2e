//! How requests that name no version are spread over the versions of a model.

mod guard;
mod report;
mod shadow;
mod split;
mod steer;
mod sticky;
mod watched;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wharf_infer::ServiceError;

pub(crate) use guard::Guard;
pub use report::{TrafficReport, VersionTraffic};
pub use shadow::{Shadow, ShadowReport};
pub(crate) use shadow::{ShadowCounts, ShadowQueue, ShadowRoute};
pub(crate) use split::Split;
pub use sticky::StickyKeys;
pub(crate) use watched::Watched;

/// How the requests of a model that name no version are spread over its versions. These versions are served
/// whatever the policy says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Parts of the requests by version; a version that does not answer gives its part to the others.
    pub weights: BTreeMap<u64, u32>,
    /// The header, or the metadata of gRPC, by whose value requests stay with one version; in small letters.
    pub sticky_header: Option<String>,
    /// A version that answers copies of requests, to see whether it would have answered the same.
    pub shadow: Option<Shadow>,
    /// When a version with less than the greatest part loses it.
    pub rollback: Option<RollbackBounds>,
}

/// What a new version must keep to. Judged over so many of its requests at a time, whoever asked for it and how.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RollbackBounds {
    /// Requests per judgement; at least 1.
    pub window: u64,
    /// The greatest part of them, 0 to 1, that may fail by no fault of the client.
    pub max_error_rate: f64,
    /// What 99 of 100 must stay below.
    pub max_p99: Option<Duration>,
}

impl Traffic {
    /// With this part of the requests for a version.
    #[must_use]
    pub fn with_weight(mut self, version: u64, weight: u32) -> Self {
        self.weights.insert(version, weight);
        self
    }

    /// With requests of the same value of a header sent to the same version.
    #[must_use]
    pub fn with_sticky_header(mut self, header: impl Into<String>) -> Self {
        self.sticky_header = Some(header.into());
        self
    }

    /// With copies of requests answered by another version too, to be compared.
    #[must_use]
    pub fn with_shadow(mut self, shadow: Shadow) -> Self {
        self.shadow = Some(shadow);
        self
    }

    /// With these bounds for the versions that do not have the greatest part.
    #[must_use]
    pub fn with_rollback(mut self, bounds: RollbackBounds) -> Self {
        self.rollback = Some(bounds);
        self
    }

    /// All requests to one version.
    pub(crate) fn only(version: u64) -> Self {
        Self::default().with_weight(version, 1)
    }

    pub(crate) fn check(&self) -> Result<(), ServiceError> {
        if self.weights.values().all(|weight| *weight == 0) {
            return Err(ServiceError::invalid_argument("`weights` gives no version a part of the requests"));
        }
        if let Some(shadow) = &self.shadow {
            shadow.check()?;
            let mut others = self.weights.iter().filter(|(_, weight)| **weight > 0);
            if others.all(|(version, _)| *version == shadow.version) {
                let text = format!("`shadow.version` is {}, which has all requests itself", shadow.version);
                return Err(ServiceError::invalid_argument(text));
            }
        }
        if let Some(header) = self.sticky_header.as_ref().filter(|header| !sticky::is_header_name(header)) {
            let header: String = header.chars().take(128).collect();
            let text =
                format!("`sticky_header` is `{header}`, expected the name of a header in small letters");
            return Err(ServiceError::invalid_argument(text));
        }
        match self.rollback {
            Some(RollbackBounds { max_error_rate: rate, .. }) if !(0.0..=1.0).contains(&rate) => {
                let text = format!("`rollback.max_error_rate` is {rate}, expected 0 to 1");
                Err(ServiceError::invalid_argument(text))
            }
            _ => Ok(()),
        }
    }

    /// The versions that it needs.
    pub(crate) fn versions(&self) -> impl Iterator<Item = u64> {
        self.weights.keys().copied().chain(self.shadow.map(|shadow| shadow.version))
    }

    /// The version with the greatest part, the older of two.
    fn steady(&self) -> Option<u64> {
        let greatest = *self.weights.values().max()?;
        self.weights.iter().find(|(_, weight)| **weight == greatest).map(|(version, _)| *version)
    }

    /// The versions with a part that is not the greatest.
    fn canaries(&self) -> Vec<u64> {
        let steady = self.steady();
        let parts = self.weights.iter().filter(|(version, weight)| **weight > 0 && Some(**version) != steady);
        parts.map(|(version, _)| *version).collect()
    }

    /// Who watches which version; the steady one is what the others are measured by.
    pub(crate) fn guards(&self, model: &str) -> BTreeMap<u64, Arc<Guard>> {
        let (steady_version, steady) = (self.steady(), Arc::default());
        let guard = |version: u64, bounds: RollbackBounds| {
            let measure = (Arc::clone(&steady), Some(version) == steady_version);
            (version, Arc::new(Guard::new((model, version), bounds, measure)))
        };
        let guards =
            self.rollback.map(|bounds| self.weights.keys().map(|version| guard(*version, bounds)).collect());
        guards.unwrap_or_default()
    }
}

impl RollbackBounds {
    /// Judged over `window` requests, of which this part may fail.
    pub fn new(window: u64, max_error_rate: f64) -> Self {
        Self { window: window.max(1), max_error_rate, max_p99: None }
    }

    /// And 99 of 100 must be answered within this time.
    #[must_use]
    pub fn with_max_p99(mut self, limit: Duration) -> Self {
        self.max_p99 = Some(limit);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_part_is_never_taken() {
        let traffic = Traffic::default().with_weight(1, 90).with_weight(2, 10);
        assert!(traffic.guards("m").is_empty(), "no bounds");
        let guards = traffic.with_rollback(RollbackBounds::new(10, 0.0)).guards("m");
        let breaks = |version: u64| guards[&version].record(guard::Ending::Failed, Duration::ZERO).is_some();
        assert!(!breaks(1) && breaks(2));
    }
}
