//! The estimators that can be chosen, and what comes out of a fit.

use serde::{Deserialize, Serialize};

use crate::boost::{BoostedTrees, GradientBoosting};
use crate::{FitOptions, LearnError, Matrix, Prediction, Target};

/// An estimator and its settings, as a recipe names them; `kind` says which.
///
/// ```
/// use wharf_learn::Estimator;
///
/// let chosen: Estimator = toml::from_str("kind = 'gradient_boosting'\ntrees = 100")?;
/// assert_eq!(chosen.kind(), "gradient_boosting");
/// assert!(toml::from_str::<Estimator>("kind = 'gradient_boosting'\ntres = 100").is_err());
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Estimator {
    /// Gradient-boosted trees.
    GradientBoosting(GradientBoosting),
}

/// An estimator that has seen data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fitted {
    /// Gradient-boosted trees.
    GradientBoosting(BoostedTrees),
}

impl Estimator {
    /// The name that recipes use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::GradientBoosting(_) => "gradient_boosting",
        }
    }

    /// Fits the estimator: the same data, settings and seed give the same result on any number of threads.
    ///
    /// # Errors
    /// A setting is out of range, the data do not fit each other or this estimator, or the caller asked to
    /// stop.
    pub fn fit(
        &self,
        features: &Matrix,
        target: &Target,
        options: &FitOptions<'_>,
    ) -> Result<Fitted, LearnError> {
        Ok(match self {
            Self::GradientBoosting(settings) => {
                Fitted::GradientBoosting(settings.fit(features, target, options)?)
            }
        })
    }
}

impl Fitted {
    /// A prediction per row of `features`.
    ///
    /// # Errors
    /// The number of columns is another than in the fit, or values are missing that the estimator needs.
    pub fn predict(&self, features: &Matrix) -> Result<Prediction, LearnError> {
        match self {
            Self::GradientBoosting(fitted) => fitted.predict(features),
        }
    }

    /// How much each feature counts, as parts of one; `None` where the estimator has no such measure.
    pub fn importances(&self) -> Option<Vec<f64>> {
        match self {
            Self::GradientBoosting(fitted) => Some(fitted.importances()),
        }
    }
}
