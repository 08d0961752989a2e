//! Ranges of activations: what the tensors within a graph take as values on calibration samples.

mod collect;
mod entropy;
mod histogram;
mod percentile;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use collect::calibrate;
pub use histogram::Extent;
use histogram::Histogram;

/// The range of each activation, by the tensor's name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranges(pub BTreeMap<String, (f32, f32)>);

impl Ranges {
    /// The least and the greatest value of a tensor, where it was calibrated.
    pub fn get(&self, tensor: &str) -> Option<(f32, f32)> {
        self.0.get(tensor).copied()
    }
}

/// How a range is taken out of values. The defaults are those of onnxruntime.quantization, and so are the results.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// From the least to the greatest value.
    MinMax,
    /// As far as this share of the absolute values reaches, by a histogram of `bins` bins.
    Percentile {
        /// 0 to 100.
        percentile: f64,
        /// The bins, between the least and the greatest absolute value.
        bins: usize,
    },
    /// The range whose quantised histogram differs least from the whole one by Kullback-Leibler divergence.
    Entropy {
        /// The bins between the greatest absolute value and its negative.
        bins: usize,
        /// The bins that a range is divided into; with as many as `bins` there is just one range to choose.
        quantised_bins: usize,
    },
}

impl CalibrationMethod {
    /// 99.999 % of the absolute values, 2,048 bins.
    pub const PERCENTILE: Self = Self::Percentile { percentile: 99.999, bins: 2048 };
    /// 128 bins, 128 quantised bins.
    pub const ENTROPY: Self = Self::Entropy { bins: 128, quantised_bins: 128 };

    /// The name in reports: `min-max`, `percentile 99.999`, `entropy`.
    pub fn name(self) -> String {
        match self {
            Self::MinMax => "min-max".to_owned(),
            Self::Percentile { percentile, .. } => format!("percentile {percentile}"),
            Self::Entropy { .. } => "entropy".to_owned(),
        }
    }

    /// A histogram of values of this extent; `None` where the extent says all.
    fn histogram(self, extent: Extent) -> Option<Histogram> {
        match self {
            Self::MinMax => None,
            Self::Percentile { bins, .. } => {
                Some(Histogram::new(extent.abs_low, extent.abs_high, bins, true))
            }
            Self::Entropy { bins, .. } => {
                Some(Histogram::new(-extent.abs_high, extent.abs_high, bins, false))
            }
        }
    }

    /// The range by a histogram that all values have been added to.
    fn range(self, extent: Extent, histogram: &Histogram) -> (f32, f32) {
        let (low, high) = match self {
            Self::MinMax => (extent.low, extent.high),
            Self::Percentile { percentile, .. } => percentile::threshold(histogram, percentile),
            Self::Entropy { quantised_bins, .. } => entropy::threshold(histogram, quantised_bins),
        };
        (low.max(extent.low), high.min(extent.high))
    }

    /// The range of values that are all at hand.
    pub fn range_of(self, values: &[f32]) -> (f32, f32) {
        let mut extent = Extent::default();
        extent.add(values);
        match self.histogram(extent) {
            None => (extent.low, extent.high),
            Some(mut histogram) => {
                histogram.add(values);
                self.range(extent, &histogram)
            }
        }
    }
}
