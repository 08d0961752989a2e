//! What single features tell about a target, by tests and by trial.

mod anova;
mod chi_squared;
mod discretise;
mod gain;
mod permutation;
mod select;
mod threshold;

pub use anova::{f_classification, f_regression};
pub use chi_squared::chi_squared;
pub use discretise::discretise_mdl;
pub use gain::{InformationGain, information_gain};
pub use permutation::{ColumnImportance, PermutationImportance};
pub use select::{select_above, select_best, select_percentile};
pub use threshold::{BestThreshold, best_threshold};

/// A statistic and the probability of one as large where feature and target are independent.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TestScore {
    /// The statistic; infinite where the feature decides the target outright.
    pub statistic: f64,
    /// Between 0 and 1.
    pub p_value: f64,
}

impl TestScore {
    /// What a feature scores that tells nothing, because it or the target is constant.
    const NOTHING: Self = Self { statistic: 0.0, p_value: 1.0 };
}

#[cfg(test)]
mod tests;
