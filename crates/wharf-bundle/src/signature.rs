//! How clients call a model: named inputs and outputs, and what lies between them and the graph.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wharf_tensor::TensorSpec;
use wharf_transform::Step;
use wharf_transform::columns::ColumnProgram;

use crate::Pooling;

/// The signature that a request means when it names none.
pub const DEFAULT_SIGNATURE: &str = "serving_default";

/// Which call a signature answers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// Tensors in, tensors out.
    Predict,
    /// Gives labels with scores.
    Classify,
    /// Gives one number per example.
    Regress,
}

/// One way to call a model.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Which call it answers.
    pub method: Method,
    /// What the client sends, in order.
    pub inputs: Vec<SignatureInput>,
    /// What the client receives, in order.
    pub outputs: Vec<SignatureOutput>,
    /// How the inputs, each a column of a table, become the one input of the graph: float32 `[rows, features]`. Absent
    /// where each input becomes one of the graph's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<ColumnProgram>,
}

impl Signature {
    /// What is wrong with the column program or does not fit the inputs; `None` also where there is no program.
    pub(crate) fn column_fault(&self) -> Option<String> {
        let program = self.columns.as_ref()?;
        if let Err(error) = program.check() {
            return Some(format!("has a column program that cannot run: {error}"));
        }
        let inputs: BTreeSet<&str> = self.inputs.iter().map(|input| input.spec.name.as_str()).collect();
        let columns: BTreeSet<&str> = program.columns.iter().map(|column| column.name.as_str()).collect();
        if let Some(name) = inputs.symmetric_difference(&columns).next() {
            let (has, lacks) =
                if inputs.contains(name) { ("inputs", "program") } else { ("program", "inputs") };
            return Some(format!("has the column `{name}` in its {has} and not in its {lacks}"));
        }
        let target = self.inputs.first().map(|input| &input.graph_input);
        let stray = self
            .inputs
            .iter()
            .find(|input| Some(&input.graph_input) != target || !input.transform.is_empty())?;
        Some(format!("has columns of which `{}` goes a way of its own to the graph", stray.spec.name))
    }
}

/// An input of a signature and the way from it to the graph.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureInput {
    /// What the client sends.
    pub spec: TensorSpec,
    /// The input of the graph that it becomes.
    pub graph_input: String,
    /// The steps between the two; none where the client sends what the graph takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transform: Vec<Step>,
}

/// An output of a signature and where it comes from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignatureOutput {
    /// What the client receives.
    pub spec: TensorSpec,
    /// Where it comes from.
    pub source: OutputSource,
}

/// What is done with a vector that has been pooled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PooledFinish {
    /// Nothing.
    #[default]
    None,
    /// It is scaled to length 1.
    UnitLength,
    /// Each number is put between 0 and 1 by the logistic function.
    Logistic,
}

/// Where an output comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum OutputSource {
    /// An output of the graph as it is.
    Graph {
        /// The name of the graph's output.
        output: String,
    },
    /// The manifest's labels, picked by an output of the graph that holds class indices.
    Labels {
        /// The name of the graph's output with the class indices.
        classes: String,
    },
    /// One vector for each row, made of those of its tokens.
    Pooled {
        /// The graph's output with the vectors: `[rows, tokens, size]`, or `[rows, size]` with [`Pooling::None`].
        vectors: String,
        /// The graph's input that says which tokens count: `[rows, tokens]` of ones and zeros.
        mask: String,
        /// How one is made of them.
        pooling: Pooling,
        /// What is done with it then.
        finish: PooledFinish,
    },
}
