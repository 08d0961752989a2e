//! Checks a request against a signature, in the words of TensorFlow Serving where it has some.

use std::collections::BTreeSet;

use wharf_bundle::Signature;
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::Dim;

use crate::check::check_tensor;

/// Client names are cut to this many characters in messages.
const MAX_SHOWN: usize = 128;

/// Whether `inputs` are those of the signature, of the right types and shapes, and of no more rows than
/// the model takes at once.
pub(super) fn check_inputs(
    signature: &Signature,
    inputs: &[NamedTensor],
    max_batch_size: Option<usize>,
) -> Result<(), ServiceError> {
    if inputs.len() != signature.inputs.len() {
        return Err(wrong_count(signature, inputs));
    }
    for (place, input) in inputs.iter().enumerate() {
        let name = &input.name;
        let Some(expected) = signature.inputs.iter().find(|expected| expected.spec.name == *name) else {
            let known = set(signature.inputs.iter().map(|input| &input.spec.name));
            return Err(ServiceError::invalid_argument(format!(
                "input tensor alias not found in signature: {}. Inputs expected to be in the set {known}.",
                cut(name)
            )));
        };
        if inputs[..place].iter().any(|earlier| earlier.name == *name) {
            return Err(ServiceError::invalid_argument(format!("input `{name}` is given twice")));
        }
        check_tensor(&expected.spec, &input.tensor)?;
        let rows = match expected.spec.shape.dims().first() {
            Some(Dim::Dynamic) => input.tensor.shape().dims().first().copied(),
            _ => None,
        };
        if let (Some(rows), Some(limit)) = (rows, max_batch_size)
            && rows > limit
        {
            let message = format!("input `{name}` has a batch of {rows}, expected at most {limit}");
            return Err(ServiceError::invalid_argument(message));
        }
    }
    Ok(())
}

/// Whether the signature has all of `outputs`, and none is asked for twice.
pub(super) fn check_outputs(signature: &Signature, outputs: &[String]) -> Result<(), ServiceError> {
    for (place, name) in outputs.iter().enumerate() {
        if !signature.outputs.iter().any(|output| output.spec.name == *name) {
            let known = set(signature.outputs.iter().map(|output| &output.spec.name));
            return Err(ServiceError::invalid_argument(format!(
                "output tensor alias not found in signature: {} Outputs expected to be in the set {known}.",
                cut(name)
            )));
        }
        if outputs[..place].contains(name) {
            let message = format!("duplicate output tensor alias: {}", cut(name));
            return Err(ServiceError::invalid_argument(message));
        }
    }
    Ok(())
}

fn wrong_count(signature: &Signature, inputs: &[NamedTensor]) -> ServiceError {
    let sent: BTreeSet<&String> = inputs.iter().map(|input| &input.name).collect();
    let known: BTreeSet<&String> = signature.inputs.iter().map(|input| &input.spec.name).collect();
    let extra = set(sent.difference(&known).copied());
    let missing = set(known.difference(&sent).copied());
    ServiceError::invalid_argument(format!(
        "input size does not match signature: {}!={} len({}) != len({}). Sent extra: {extra}. Missing but required: {missing}.",
        inputs.len(),
        signature.inputs.len(),
        set(sent),
        set(known),
    ))
}

/// `{a,b}`, sorted, with long names and long lists cut.
fn set<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: BTreeSet<&String> = names.into_iter().collect();
    let shown: Vec<String> = names.into_iter().take(MAX_SHOWN).map(|name| cut(name)).collect();
    format!("{{{}}}", shown.join(","))
}

fn cut(name: &str) -> String {
    name.chars().take(MAX_SHOWN).collect()
}
