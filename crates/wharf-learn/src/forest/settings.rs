//! How decision trees and forests grow.

use serde::{Deserialize, Serialize};

use crate::check::at_least;
use crate::{LearnError, Target};

/// What a split of classes lowers; of numbers it is always the variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Criterion {
    /// The chance that two samples of a leaf are of different classes.
    #[default]
    Gini,
    /// The entropy of the classes.
    Entropy,
}

/// How many features are looked at for each split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureCount {
    /// The square root for classes, a third for numbers.
    #[default]
    Auto,
    /// The square root.
    Sqrt,
    /// A third.
    Third,
    /// Half.
    Half,
    /// All.
    All,
}

impl FeatureCount {
    /// How many of `all` features, at least one.
    pub(super) fn of(self, all: usize, target: &Target) -> usize {
        let count = match (self, target) {
            (Self::Sqrt, _) | (Self::Auto, Target::Classes { .. }) => all.isqrt(),
            (Self::Third, _) | (Self::Auto, Target::Numbers(_)) => all / 3,
            (Self::Half, _) => all / 2,
            (Self::All, _) => all,
        };
        count.max(1)
    }
}

/// How a decision tree grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionTree {
    /// What a split of classes lowers.
    pub criterion: Criterion,
    /// How many decisions lie between root and leaf at most; 0 for any number.
    pub max_depth: usize,
    /// How many samples a leaf has at least.
    pub min_leaf: usize,
}

impl Default for DecisionTree {
    fn default() -> Self {
        Self { criterion: Criterion::default(), max_depth: 8, min_leaf: 10 }
    }
}

impl DecisionTree {
    pub(super) fn check(&self) -> Result<(), LearnError> {
        at_least("min_leaf", self.min_leaf, 1)
    }
}

/// How a forest of decision trees grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandomForest {
    /// How many trees.
    pub trees: usize,
    /// What a split of classes lowers.
    pub criterion: Criterion,
    /// How many decisions lie between root and leaf at most; 0 for any number.
    pub max_depth: usize,
    /// How many samples a leaf has at least.
    pub min_leaf: usize,
    /// How many features are looked at for each split.
    pub max_features: FeatureCount,
    /// Whether each tree sees as many samples as there are, drawn with repetition; otherwise it sees all.
    pub bootstrap: bool,
}

impl Default for RandomForest {
    fn default() -> Self {
        Self {
            trees: 150,
            criterion: Criterion::default(),
            max_depth: 0,
            min_leaf: 5,
            max_features: FeatureCount::default(),
            bootstrap: true,
        }
    }
}

impl RandomForest {
    pub(super) fn check(&self) -> Result<(), LearnError> {
        at_least("trees", self.trees, 1)?;
        self.tree().check()
    }

    /// The settings of each tree.
    pub(super) fn tree(&self) -> DecisionTree {
        DecisionTree { criterion: self.criterion, max_depth: self.max_depth, min_leaf: self.min_leaf }
    }
}
