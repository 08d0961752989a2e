//! Checks of names against a signature, in the reference server's words.

use std::borrow::Cow;
use std::collections::BTreeSet;

use wharf_bundle::{Method, Signature};
use wharf_infer::ServiceError;

pub(super) use crate::shown::shown;

/// The wire's name for `method`.
pub(super) fn method_name(method: Method) -> &'static str {
    match method {
        Method::Classify => CLASSIFY_METHOD,
        Method::Regress => REGRESS_METHOD,
        _ => "tensorflow/serving/predict",
    }
}

/// The method name of classification.
pub(super) const CLASSIFY_METHOD: &str = "tensorflow/serving/classify";
/// The method name of regression.
pub(super) const REGRESS_METHOD: &str = "tensorflow/serving/regress";

/// Checks that just the inputs of the signature were sent.
pub(super) fn check_input_names(signature: &Signature, sent: &BTreeSet<&str>) -> Result<(), ServiceError> {
    let expected: BTreeSet<&str> = signature.inputs.iter().map(|input| input.spec.name.as_str()).collect();
    if *sent == expected {
        return Ok(());
    }
    if sent.len() == expected.len() {
        let stranger = sent.difference(&expected).next().copied().unwrap_or_default();
        return Err(ServiceError::invalid_argument(format!(
            "input tensor alias not found in signature: {}. Inputs expected to be in the set {{{}}}.",
            shown(stranger),
            joined(&expected)
        )));
    }
    Err(ServiceError::invalid_argument(format!(
        "input size does not match signature: {}!={} len({{{}}}) != len({{{}}}). Sent extra: {{{}}}. \
         Missing but required: {{{}}}.",
        sent.len(),
        expected.len(),
        joined(sent),
        joined(&expected),
        joined(&sent.difference(&expected).copied().collect()),
        joined(&expected.difference(sent).copied().collect()),
    )))
}

/// Checks that the outputs asked for exist and are asked for once.
pub(super) fn check_output_filter(signature: &Signature, filter: &[String]) -> Result<(), ServiceError> {
    let known: BTreeSet<&str> = signature.outputs.iter().map(|output| output.spec.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    for alias in filter {
        if !known.contains(alias.as_str()) {
            return Err(ServiceError::invalid_argument(format!(
                "output tensor alias not found in signature: {} Outputs expected to be in the set {{{}}}.",
                shown(alias),
                joined(&known)
            )));
        }
        if !seen.insert(alias) {
            let text = format!("duplicate output tensor alias: {}", shown(alias));
            return Err(ServiceError::invalid_argument(text));
        }
    }
    Ok(())
}

/// Names for a message: a few of them, each cut to a bearable length.
fn joined(names: &BTreeSet<&str>) -> String {
    const SHOWN_NAMES: usize = 16;
    let mut list: Vec<Cow<'_, str>> = names.iter().take(SHOWN_NAMES).map(|name| shown(name)).collect();
    if names.len() > SHOWN_NAMES {
        list.push(Cow::Borrowed("..."));
    }
    list.join(",")
}
