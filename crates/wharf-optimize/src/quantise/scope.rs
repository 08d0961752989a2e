//! Which nodes are quantised.

use std::collections::{BTreeSet, HashSet};

use wharf_onnx::Model;
use wharf_onnx::proto::NodeProto;

/// The operators that static quantisation treats as onnxruntime.quantization does. Its others (normalisations, `Where`,
/// `Resize`, `Split`, `Gather`, ...) are left in float here.
pub const STATIC_OPERATORS: [&str; 22] = [
    "Add",
    "ArgMax",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "LeakyRelu",
    "MatMul",
    "MaxPool",
    "Mul",
    "Pad",
    "Relu",
    "Reshape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
];

/// The operators that dynamic quantisation knows.
pub const DYNAMIC_OPERATORS: [&str; 3] = ["Conv", "Gemm", "MatMul"];

/// The operators with weights: the ones that quantisation makes faster.
pub(crate) const WEIGHTED: [&str; 3] = ["Conv", "Gemm", "MatMul"];

/// Which nodes are quantised: those of some operators, except some by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    operators: BTreeSet<String>,
    excluded: BTreeSet<String>,
}

impl Scope {
    /// All nodes of these operators.
    pub fn of_operators(operators: &[&str]) -> Self {
        let operators = operators.iter().map(|&operator| operator.to_owned()).collect();
        Self { operators, excluded: BTreeSet::new() }
    }

    /// What serves best in `model`: [`STATIC_OPERATORS`] without `Softmax`, `Sigmoid` and `ArgMax`, whose 8-bit results
    /// would be the model's answer, and without what comes before the first weights, which prepares the input.
    pub fn serving(model: &Model) -> Self {
        let answers = ["ArgMax", "Sigmoid", "Softmax"];
        let operators: Vec<&str> =
            STATIC_OPERATORS.into_iter().filter(|operator| !answers.contains(operator)).collect();
        let mut scope = Self::of_operators(&operators);
        scope.excluded = before_weights(model);
        scope
    }

    /// Without the nodes of these names ([`node_name`]).
    #[must_use]
    pub fn without(mut self, nodes: impl IntoIterator<Item = String>) -> Self {
        self.excluded.extend(nodes);
        self
    }

    /// Whether `node` is to be quantised.
    pub fn holds(&self, node: &NodeProto) -> bool {
        is_own(node) && self.operators.contains(&node.op_type) && !self.excluded.contains(node_name(node))
    }
}

/// The name of a node, or that of its first output where it has none.
pub fn node_name(node: &NodeProto) -> &str {
    if node.name.is_empty() { node.output.first().map_or("", String::as_str) } else { &node.name }
}

pub(crate) fn is_own(node: &NodeProto) -> bool {
    node.domain.is_empty() || node.domain == "ai.onnx"
}

/// Nodes that depend on no weighted node and are none.
fn before_weights(model: &Model) -> BTreeSet<String> {
    let mut after: HashSet<&str> = HashSet::new();
    let mut before = BTreeSet::new();
    for node in model.nodes() {
        let is_after = WEIGHTED.contains(&node.op_type.as_str())
            || node.input.iter().any(|input| after.contains(input.as_str()));
        if is_after {
            after.extend(node.output.iter().map(String::as_str));
        } else {
            before.insert(node_name(node).to_owned());
        }
    }
    before
}
