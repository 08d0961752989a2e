//! The spaces that are searched where a recipe names none.

use serde_json::{Value, json};

use super::space::{Dimension, Space};
use crate::Estimator;

impl Estimator {
    /// The settings that are worth searching, with ranges that suit most tables.
    pub fn default_space(&self) -> Space {
        let log = |low, high| Dimension::Float { low, high, log: true };
        let part = |low| Dimension::Float { low, high: 1.0, log: false };
        let count = |low, high| Dimension::Integer { low, high, log: true };
        let depth = |low, high| Dimension::Integer { low, high, log: false };
        let space = Space::new();
        match self {
            Self::GradientBoosting(_) => space
                .with("learning_rate", log(0.02, 0.2))
                .with("max_leaves", count(7, 95))
                .with("min_child", count(5, 100))
                .with("l2", log(0.01, 30.0))
                .with("subsample", part(0.5))
                .with("column_sample", part(0.3)),
            Self::DecisionTree(_) => space
                .with("max_depth", depth(2, 16))
                .with("min_leaf", count(1, 100))
                .with("criterion", one_of(&json!(["gini", "entropy"]))),
            Self::RandomForest(_) => space
                .with("min_leaf", count(2, 50))
                .with("max_features", one_of(&json!(["sqrt", "third", "half", "all"])))
                .with("criterion", one_of(&json!(["gini", "entropy"]))),
            Self::Ridge(_) => space.with("alpha", log(1e-4, 1e4)),
            Self::Logistic(_) => space.with("c", log(1e-4, 1e3)),
            Self::NearestNeighbours(_) => {
                space.with("k", count(1, 100)).with("votes", one_of(&json!(["uniform", "distance"])))
            }
            Self::Perceptron(_) => space
                .with("hidden", one_of(&json!([[32], [64], [64, 32], [128, 64], [128, 64, 32]])))
                .with("learning_rate", log(3e-4, 1e-2))
                .with("l2", log(1e-6, 1e-1))
                .with("batch", one_of(&json!([64, 128, 256]))),
        }
    }
}

fn one_of(values: &Value) -> Dimension {
    Dimension::Choice(values.as_array().cloned().unwrap_or_default())
}
