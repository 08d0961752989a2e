//! Checks a request against a model, in the words of Triton.

use wharf_bundle::Signature;
use wharf_infer::{NamedTensor, ServiceError};

use super::datatype::to_wire;
use super::shown;

/// Whether `inputs` are those of the model, of its types and shapes.
///
/// # Errors
/// What of that is not so.
pub(super) fn check_inputs(
    model: &str,
    signature: &Signature,
    inputs: &[NamedTensor],
) -> Result<(), ServiceError> {
    for (place, input) in inputs.iter().enumerate() {
        let name = shown(&input.name);
        if inputs[..place].iter().any(|earlier| earlier.name == input.name) {
            return Err(invalid(format!("input '{name}' already exists in request")));
        }
        let Some(expected) = signature.inputs.iter().find(|expected| expected.spec.name == input.name) else {
            return Err(invalid(format!("unexpected inference input '{name}' for model '{model}'")));
        };
        let (dtype, wanted) = (input.tensor.dtype(), expected.spec.dtype);
        if dtype != wanted {
            return Err(invalid(format!(
                "inference input '{name}' data-type is '{}', but model '{model}' expects '{}'",
                to_wire(dtype),
                to_wire(wanted)
            )));
        }
        let shape = input.tensor.shape();
        if !expected.spec.shape.matches(shape) {
            let (wanted, got) = (listed(&expected.spec.shape.to_i64()), listed(&shape.to_i64()));
            return Err(invalid(format!(
                "unexpected shape for input '{name}' for model '{model}'. Expected {wanted}, got {got}"
            )));
        }
    }
    if inputs.len() == signature.inputs.len() {
        return Ok(());
    }
    let missing = signature.inputs.iter().map(|input| input.spec.name.as_str());
    let missing: Vec<&str> = missing.filter(|name| inputs.iter().all(|input| input.name != *name)).collect();
    Err(invalid(format!(
        "expected {} inputs but got {} inputs for model '{model}'. Missing: {}",
        signature.inputs.len(),
        inputs.len(),
        missing.join(", ")
    )))
}

/// Whether the model has all of `outputs`, and none is asked for twice.
///
/// # Errors
/// What of that is not so.
pub(super) fn check_outputs<'a>(
    model: &str,
    signature: &Signature,
    outputs: impl Iterator<Item = &'a str>,
) -> Result<(), ServiceError> {
    let mut seen = std::collections::BTreeSet::new();
    for name in outputs {
        if !signature.outputs.iter().any(|output| output.spec.name == name) {
            let name = shown(name);
            return Err(invalid(format!("unexpected inference output '{name}' for model '{model}'")));
        }
        if !seen.insert(name) {
            return Err(invalid(format!("output '{}' already exists in request", shown(name))));
        }
    }
    Ok(())
}

fn listed(dims: &[i64]) -> String {
    let dims: Vec<String> = dims.iter().map(i64::to_string).collect();
    format!("[{}]", dims.join(","))
}

fn invalid(text: String) -> ServiceError {
    ServiceError::invalid_argument(text)
}
