//! The ways to call a picture bundle.

use std::collections::BTreeMap;

use wharf_bundle::{DEFAULT_SIGNATURE, Method, OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_tensor::{DType, TensorSpec};
use wharf_transform::Step;

use super::graph::{CLASSES, INPUT, output_specs, picture_dims};
use super::transform::ServingTransform;
use crate::error::TrainError;
use crate::network::Network;
use crate::recipe::InputType;

/// The signature that takes numbers of 0 to 1.
pub(super) const FLOAT: &str = "float";
/// The signature that takes picture files.
pub(super) const ENCODED: &str = "encoded";
/// The input of that signature.
pub(super) const FILES_INPUT: &str = "image_bytes";
/// Its output with the label of each picture.
pub(super) const LABELS: &str = "labels";

/// `serving_default` for 8-bit pixels, `float` for numbers of 0 to 1 where the graph takes them, and `encoded`
/// for picture files of any size where files can have the channels.
pub(super) fn signatures(
    network: &Network,
    transform: &ServingTransform,
    input: InputType,
) -> Result<BTreeMap<String, Signature>, TrainError> {
    let picture = |dtype| TensorSpec::new(INPUT, dtype, &picture_dims(network.input_shape()));
    let to_graph = match input {
        InputType::Float => vec![Step::ToFloat],
        InputType::Uint8 => Vec::new(),
    };
    let predict = |spec, transform| signature(Method::Predict, spec, transform, outputs(network));
    let mut signatures = BTreeMap::new();
    if input == InputType::Float {
        signatures.insert(FLOAT.to_owned(), predict(picture(DType::F32), Vec::new()));
    }
    signatures.insert(DEFAULT_SIGNATURE.to_owned(), predict(picture(DType::U8), to_graph.clone()));
    if let Some(mut steps) = transform.file_steps(network.input_shape())? {
        steps.extend(to_graph);
        let files = TensorSpec::new(FILES_INPUT, DType::String, &[-1]);
        let mut outputs = outputs(network);
        outputs.push(SignatureOutput {
            spec: TensorSpec::new(LABELS, DType::String, &[-1]),
            source: OutputSource::Labels { classes: CLASSES.to_owned() },
        });
        signatures.insert(ENCODED.to_owned(), signature(Method::Classify, files, steps, outputs));
    }
    Ok(signatures)
}

fn signature(
    method: Method,
    spec: TensorSpec,
    transform: Vec<Step>,
    outputs: Vec<SignatureOutput>,
) -> Signature {
    let input = SignatureInput { spec, graph_input: INPUT.to_owned(), transform };
    Signature { method, inputs: vec![input], outputs, columns: None }
}

/// Probabilities, classes and logits, as the graph gives them.
fn outputs(network: &Network) -> Vec<SignatureOutput> {
    let [logits, probabilities, classes] = output_specs(network);
    let output = |spec: TensorSpec| SignatureOutput {
        source: OutputSource::Graph { output: spec.name.clone() },
        spec,
    };
    [probabilities, classes, logits].map(output).into()
}
