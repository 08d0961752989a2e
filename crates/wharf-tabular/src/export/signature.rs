//! How a bundle for tables is called: one input for each raw column.

use std::collections::BTreeMap;

use wharf_bundle::{DEFAULT_SIGNATURE, Method, OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_tensor::{DType, TensorSpec};
use wharf_transform::columns::ColumnProgram;

/// The graph's input.
pub(super) const FEATURES: &str = "features";
/// The graph's probabilities, `[rows, classes]`.
pub(super) const PROBABILITIES: &str = "probabilities";
/// The graph's most probable classes, `[rows]`.
pub(super) const CLASSES: &str = "classes";
/// The names of those classes.
pub(super) const LABELS: &str = "labels";
/// The graph's numbers, `[rows, 1]`.
pub(super) const PREDICTION: &str = "prediction";

/// `serving_default`, from the raw columns of `program` to probabilities, classes and
/// labels, or to a number where there are no labels.
pub(super) fn signatures(program: &ColumnProgram, labels: &[String]) -> BTreeMap<String, Signature> {
    let input = |spec| SignatureInput { spec, graph_input: FEATURES.to_owned(), transform: Vec::new() };
    let signature = Signature {
        method: Method::Predict,
        inputs: program.inputs().into_iter().map(input).collect(),
        outputs: outputs(labels),
        columns: Some(program.clone()),
    };
    BTreeMap::from([(DEFAULT_SIGNATURE.to_owned(), signature)])
}

fn outputs(labels: &[String]) -> Vec<SignatureOutput> {
    let graph = |name: &str, dtype, dims: &[i64]| SignatureOutput {
        spec: TensorSpec::new(name, dtype, dims),
        source: OutputSource::Graph { output: name.to_owned() },
    };
    if labels.is_empty() {
        return vec![graph(PREDICTION, DType::F32, &[-1, 1])];
    }
    let classes = i64::try_from(labels.len()).unwrap_or(-1);
    let names = SignatureOutput {
        spec: TensorSpec::new(LABELS, DType::String, &[-1]),
        source: OutputSource::Labels { classes: CLASSES.to_owned() },
    };
    vec![graph(PROBABILITIES, DType::F32, &[-1, classes]), graph(CLASSES, DType::I64, &[-1]), names]
}
