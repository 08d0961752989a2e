//! Fitted estimators as ONNX graphs: one input `features` `[batch, features]` in float32, and `probabilities`
//! `[batch, classes]` with `classes` `[batch]`, or `prediction` `[batch, 1]`.

mod trees;

use wharf_onnx::{GraphBuilder, Model, Value};
use wharf_tensor::{DType, TensorSpec};

pub(crate) use trees::{Ensemble, add_trees};

use crate::{Fitted, LearnError};

/// The name of the input.
pub const FEATURES_INPUT: &str = "features";

/// The name of the output with one probability per class.
pub const PROBABILITIES_OUTPUT: &str = "probabilities";

/// The name of the output with the index of the most probable class.
pub const CLASSES_OUTPUT: &str = "classes";

/// The name of the output with the number of a regression.
pub const PREDICTION_OUTPUT: &str = "prediction";

/// What a graph ends with before it has names.
pub(crate) enum Head {
    /// `[batch, classes]`, rows that sum up to one.
    Probabilities(Value, usize),
    /// `[batch, 1]`.
    Number(Value),
}

impl Fitted {
    /// The graph of the fitted estimator.
    ///
    /// # Shapes
    /// `features` f32 `[batch, features]` goes in. Of a classification `probabilities` f32 `[batch, classes]` and
    /// `classes` i64 `[batch]` come out, of a regression `prediction` f32 `[batch, 1]`.
    ///
    /// # Errors
    /// The graph would be larger than what is read back.
    pub fn to_onnx(&self, name: &str) -> Result<Model, LearnError> {
        let mut graph = GraphBuilder::new(name);
        let columns = i64::try_from(self.features()).unwrap_or(i64::MAX);
        let features = graph.input(&TensorSpec::new(FEATURES_INPUT, DType::F32, &[-1, columns]))?;
        match self.add_to(&mut graph, &features)? {
            Head::Probabilities(probabilities, count) => {
                let classes = graph.arg_max(&probabilities, 1);
                let dims = [-1, i64::try_from(count).unwrap_or(i64::MAX)];
                graph.output(&probabilities, &TensorSpec::new(PROBABILITIES_OUTPUT, DType::F32, &dims))?;
                graph.output(&classes, &TensorSpec::new(CLASSES_OUTPUT, DType::I64, &[-1]))?;
            }
            Head::Number(number) => {
                graph.output(&number, &TensorSpec::new(PREDICTION_OUTPUT, DType::F32, &[-1, 1]))?;
            }
        }
        Ok(graph.build()?)
    }
}

/// Both probabilities of two classes from the log odds of the second, `[batch, 1]`. Each has a logistic function of
/// its own, so that a small one keeps its digits.
pub(crate) fn two_classes(graph: &mut GraphBuilder, log_odds: &Value) -> Value {
    let negative = graph.node("Neg", &[Some(log_odds)], Vec::new());
    let both = graph.concat(&[&negative, log_odds], 1);
    graph.node("Sigmoid", &[Some(&both)], Vec::new())
}
