//! The one-cycle schedule (Smith and Topin, 2018), as PyTorch's `OneCycleLR` in two phases.

use serde::Serialize;

/// A rise to the full rate, then a fall far below where it began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct OneCycle {
    /// The share of all steps that the rate rises over, between 0 and 1.
    pub rise: f64,
    /// The full rate over that of the first step.
    pub start_divisor: f64,
    /// The rate of the first step over that of the last.
    pub final_divisor: f64,
    /// Whether it changes along half cosines, else along lines.
    pub is_cosine: bool,
}

impl OneCycle {
    /// What the rate is multiplied by at `step` of `total`.
    pub(super) fn factor(&self, step: u64, total: u64) -> f64 {
        let start = 1.0 / self.start_divisor;
        let end = start / self.final_divisor;
        let (step, last) = (step as f64, total.saturating_sub(1) as f64);
        let top = (self.rise * total as f64 - 1.0).min(last);
        if step <= top {
            let progress = if top > 0.0 { step / top } else { 1.0 };
            return self.between(start, 1.0, progress);
        }
        let progress = if last > top { ((step - top) / (last - top)).min(1.0) } else { 1.0 };
        self.between(1.0, end, progress)
    }

    fn between(&self, from: f64, to: f64, progress: f64) -> f64 {
        if self.is_cosine {
            to + (from - to) / 2.0 * (1.0 + (std::f64::consts::PI * progress).cos())
        } else {
            from + (to - from) * progress
        }
    }
}
