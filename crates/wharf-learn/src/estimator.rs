//! The estimators that can be chosen, and what comes out of a fit.

use serde::{Deserialize, Serialize};
use wharf_onnx::{GraphBuilder, Value};

use crate::boost::{BoostedTrees, GradientBoosting};
use crate::export::Head;
use crate::forest::{AveragedTrees, DecisionTree, RandomForest};
use crate::linear::{LinearModel, LogisticRegression, RidgeRegression};
use crate::neighbours::{NearestNeighbours, Neighbours};
use crate::perceptron::{Perceptron, TrainedPerceptron};
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
    /// One decision tree.
    DecisionTree(DecisionTree),
    /// Many decision trees.
    RandomForest(RandomForest),
    /// Ridge regression, for numbers.
    Ridge(RidgeRegression),
    /// Logistic regression, for classes.
    Logistic(LogisticRegression),
    /// k nearest neighbours.
    NearestNeighbours(NearestNeighbours),
    /// A multilayer perceptron.
    Perceptron(Perceptron),
}

/// An estimator that has seen data.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fitted {
    /// Gradient-boosted trees.
    Boosted(BoostedTrees),
    /// A decision tree or a forest.
    Averaged(AveragedTrees),
    /// Ridge or logistic regression.
    Linear(LinearModel),
    /// k nearest neighbours.
    Neighbours(Neighbours),
    /// A multilayer perceptron.
    Perceptron(TrainedPerceptron),
}

impl Estimator {
    /// All kinds with their default settings, simple ones first.
    pub fn all() -> [Self; 7] {
        [
            Self::Ridge(RidgeRegression::default()),
            Self::Logistic(LogisticRegression::default()),
            Self::DecisionTree(DecisionTree::default()),
            Self::NearestNeighbours(NearestNeighbours::default()),
            Self::RandomForest(RandomForest::default()),
            Self::GradientBoosting(GradientBoosting::default()),
            Self::Perceptron(Perceptron::default()),
        ]
    }

    /// The name that recipes use.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::GradientBoosting(_) => "gradient_boosting",
            Self::DecisionTree(_) => "decision_tree",
            Self::RandomForest(_) => "random_forest",
            Self::Ridge(_) => "ridge",
            Self::Logistic(_) => "logistic",
            Self::NearestNeighbours(_) => "nearest_neighbours",
            Self::Perceptron(_) => "perceptron",
        }
    }

    /// Whether it can learn such a target.
    pub fn takes(&self, target: &Target) -> bool {
        match self {
            Self::Ridge(_) => matches!(target, Target::Numbers(_)),
            Self::Logistic(_) => matches!(target, Target::Classes { .. }),
            _ => true,
        }
    }

    /// Whether it learns from missing values; otherwise they have to be imputed.
    pub fn takes_missing(&self) -> bool {
        matches!(self, Self::GradientBoosting(_) | Self::DecisionTree(_) | Self::RandomForest(_))
    }

    /// Whether the scales of features matter to it, so that they should be made the same.
    pub fn wants_scaling(&self) -> bool {
        !self.takes_missing()
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
            Self::GradientBoosting(settings) => Fitted::Boosted(settings.fit(features, target, options)?),
            Self::DecisionTree(settings) => Fitted::Averaged(settings.fit(features, target, options)?),
            Self::RandomForest(settings) => Fitted::Averaged(settings.fit(features, target, options)?),
            Self::Ridge(settings) => Fitted::Linear(settings.fit(features, target, options)?),
            Self::Logistic(settings) => Fitted::Linear(settings.fit(features, target, options)?),
            Self::NearestNeighbours(settings) => Fitted::Neighbours(settings.fit(features, target, options)?),
            Self::Perceptron(settings) => Fitted::Perceptron(settings.fit(features, target, options)?),
        })
    }
}

impl Fitted {
    /// How many features go in.
    pub fn features(&self) -> usize {
        match self {
            Self::Boosted(fitted) => fitted.features(),
            Self::Averaged(fitted) => fitted.features(),
            Self::Linear(fitted) => fitted.features(),
            Self::Neighbours(fitted) => fitted.features(),
            Self::Perceptron(fitted) => fitted.features(),
        }
    }

    /// A prediction per row of `features`.
    ///
    /// # Errors
    /// The number of columns is another than in the fit, or values are missing that the estimator needs.
    pub fn predict(&self, features: &Matrix) -> Result<Prediction, LearnError> {
        match self {
            Self::Boosted(fitted) => fitted.predict(features),
            Self::Averaged(fitted) => fitted.predict(features),
            Self::Linear(fitted) => fitted.predict(features),
            Self::Neighbours(fitted) => fitted.predict(features),
            Self::Perceptron(fitted) => fitted.predict(features),
        }
    }

    /// For which rows the graph of [`Fitted::to_onnx`] surely predicts the same: not for those whose neighbours are
    /// equally far.
    ///
    /// # Errors
    /// As [`Fitted::predict`].
    pub fn are_decided(&self, features: &Matrix) -> Result<Vec<bool>, LearnError> {
        match self {
            Self::Neighbours(fitted) => fitted.are_decided(features),
            _ => Ok(vec![true; features.rows()]),
        }
    }

    /// How much each feature counts, as parts of one: the gain of trees, or the absolute coefficients of linear
    /// models; `None` where the estimator has no such measure.
    pub fn importances(&self) -> Option<Vec<f64>> {
        match self {
            Self::Boosted(fitted) => Some(fitted.importances()),
            Self::Averaged(fitted) => Some(fitted.importances()),
            Self::Linear(fitted) => Some(fitted.importances()),
            Self::Neighbours(_) | Self::Perceptron(_) => None,
        }
    }

    pub(crate) fn add_to(&self, graph: &mut GraphBuilder, features: &Value) -> Result<Head, LearnError> {
        match self {
            Self::Boosted(fitted) => fitted.add_to(graph, features),
            Self::Averaged(fitted) => fitted.add_to(graph, features),
            Self::Linear(fitted) => fitted.add_to(graph, features),
            Self::Neighbours(fitted) => fitted.add_to(graph, features),
            Self::Perceptron(fitted) => fitted.add_to(graph, features),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_round_trip_and_names_are_those_of_the_kind() {
        for estimator in Estimator::all() {
            let text = serde_json::to_string(&estimator).unwrap();
            assert!(text.starts_with(&format!("{{\"kind\":\"{}\"", estimator.kind())), "{text}");
            assert_eq!(serde_json::from_str::<Estimator>(&text).unwrap(), estimator);
            let named = format!("kind = '{}'", estimator.kind());
            assert_eq!(toml::from_str::<Estimator>(&named).unwrap(), estimator);
            assert!(toml::from_str::<Estimator>(&format!("{named}\nunknown = 1")).is_err());
        }
    }

    #[test]
    fn estimators_say_what_they_take() {
        let classes = Target::Classes { indices: vec![0, 1], count: 2 };
        let taken = Estimator::all().iter().filter(|estimator| estimator.takes(&classes)).count();
        let missing = Estimator::all().iter().filter(|estimator| estimator.takes_missing()).count();
        assert_eq!((taken, missing), (6, 3));
    }
}
