//! How sure a figure is, and whether a difference is one.

mod accelerated;
mod bootstrap;
mod delong;
mod figures;
mod mc_nemar;
mod paired;
mod resampled_t;
mod wilson;

pub use bootstrap::{Bootstrap, BootstrapMethod};
pub use delong::{DeLongTest, delong};
pub use mc_nemar::{McNemarTest, mc_nemar};
pub use paired::PairedDifference;
pub use resampled_t::{ResampledTest, corrected_resampled_t};
pub use wilson::wilson;

/// A figure with the interval that holds it with a confidence.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Interval {
    /// The figure on the samples as they are.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How often such intervals hold the true figure, such as 0.95.
    pub confidence: f64,
}

#[cfg(test)]
mod tests;
