//! How requests that name no version are spread over the versions of a model.

mod guard;
mod report;
mod split;
mod steer;
mod watched;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wharf_infer::ServiceError;

pub(crate) use guard::Guard;
pub use report::{TrafficReport, VersionTraffic};
pub(crate) use split::Split;
pub(crate) use watched::Watched;

/// How the requests of a model that name no version are spread over its versions. These versions are served
/// whatever the policy says.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Traffic {
    /// Parts of the requests by version; a version that does not answer gives its part to the others.
    pub weights: BTreeMap<u64, u32>,
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
        self.weights.keys().copied()
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

    /// Who watches which version.
    pub(crate) fn guards(&self, model: &str) -> BTreeMap<u64, Arc<Guard>> {
        let steady = self.steady();
        let watched = self.weights.keys().filter(|version| Some(**version) != steady);
        let guards = self.rollback.map(|bounds| {
            watched.map(|version| (*version, Arc::new(Guard::new(model, *version, bounds)))).collect()
        });
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
    fn the_greatest_part_is_not_watched() {
        let traffic = Traffic::default().with_weight(1, 90).with_weight(2, 10);
        assert!(traffic.guards("m").is_empty(), "no bounds");
        let traffic = traffic.with_rollback(RollbackBounds::new(10, 0.0));
        assert_eq!(traffic.guards("m").into_keys().collect::<Vec<_>>(), [2]);
    }
}
