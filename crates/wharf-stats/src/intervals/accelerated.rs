//! Where an interval ends, given sorted replicates.

use crate::quantile::quantile_of_sorted;
use crate::special::{normal_cdf, normal_quantile};

/// What corrects the quantiles (Efron and Tibshirani, 1993, section 14.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Acceleration {
    /// How far the figure lies from the median of its replicates, as a normal quantile.
    bias: f64,
    /// How fast the error changes with the figure: a sixth of the skewness of the figures that leave a part out.
    acceleration: f64,
}

impl Acceleration {
    pub(super) fn new(estimate: f64, replicates: &[f64], left_out: &[f64]) -> Self {
        let below = replicates.iter().filter(|replicate| **replicate < estimate).count();
        let up_to = replicates.iter().filter(|replicate| **replicate <= estimate).count();
        let share = (below + up_to) as f64 / (2 * replicates.len()) as f64;
        let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
        let power = |power: i32| left_out.iter().map(|value| (mean - value).powi(power)).sum::<f64>();
        let skewness = power(3) / libm::pow(power(2), 1.5);
        Self {
            bias: normal_quantile(share),
            acceleration: if skewness.is_finite() { skewness / 6.0 } else { 0.0 },
        }
    }

    /// The share of replicates below an end that would be at the normal quantile `z`.
    fn share(&self, z: f64) -> f64 {
        let shifted = self.bias + z;
        normal_cdf(self.bias + shifted / (1.0 - self.acceleration * shifted))
    }
}

/// The ends of the interval. All replicates on one side of the figure give the outermost of them.
pub(super) fn ends(sorted: &[f64], confidence: f64, acceleration: Option<Acceleration>) -> (f64, f64) {
    let tail = (1.0 - confidence) / 2.0;
    let share = |plain: f64| match acceleration {
        Some(corrected) if corrected.bias.is_finite() => corrected.share(normal_quantile(plain)),
        _ => plain,
    };
    (quantile_of_sorted(sorted, share(tail)), quantile_of_sorted(sorted, share(1.0 - tail)))
}
