//! Fits a file's tensors to a network, and says all that does not fit at once.

use std::collections::HashMap;
use std::path::Path;

use half::{bf16, f16};
use wharf_tensor::{DType, Shape, Tensor};

use super::state_dict::COUNTER;
use crate::error::TrainError;
use crate::network::Network;

/// What wrappers put before every name.
const PREFIXES: [&str; 2] = ["module.", "_orig_mod."];

/// How many names of one sort of problem are listed.
const MAX_LISTED: usize = 10;

/// The longest part of a name that is repeated.
const MAX_SHOWN: usize = 80;

/// What does not fit.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Problems {
    missing: Vec<String>,
    unexpected: Vec<String>,
    /// Of another shape or type, or with numbers that are none.
    unsuitable: Vec<String>,
}

/// The network's parameters and running statistics as `tensors` has them.
pub(super) fn fitted(
    network: &Network,
    tensors: Vec<(String, Tensor)>,
) -> Result<(Vec<f32>, Vec<f32>), Problems> {
    let mut given = without_prefixes(tensors);
    let mut problems = Problems::default();
    let parameters = network.parameter_specs().iter().map(|spec| (&spec.name, spec.shape.clone()));
    let parameters = take_all(&mut given, parameters, &mut problems);
    let buffers = network.buffer_specs().iter().map(|spec| (&spec.name, vec![spec.length]));
    let buffers = take_all(&mut given, buffers, &mut problems);
    for spec in network.buffer_specs() {
        if let Some(prefix) = spec.name.strip_suffix("running_mean") {
            given.remove(&format!("{prefix}{COUNTER}"));
        }
    }
    problems.unexpected = given.keys().map(|name| shown(name)).collect();
    problems.unexpected.sort();
    if problems == Problems::default() { Ok((parameters, buffers)) } else { Err(problems) }
}

impl Problems {
    /// The error that lists them all.
    pub(super) fn into_error(self, path: &Path) -> TrainError {
        let lists =
            [("missing", self.missing), ("unexpected", self.unexpected), ("unsuitable", self.unsuitable)];
        let lines = lists.into_iter().filter(|(_, entries)| !entries.is_empty());
        let lines = lines.map(|(sort, entries)| format!("  {sort}: {}", listed(&entries)));
        let first = format!("`{}` does not fit the network:", path.display());
        TrainError::model(std::iter::once(first).chain(lines).collect())
    }
}

/// A name of the file's as messages repeat it: not longer than anyone would read, without control characters.
fn shown(name: &str) -> String {
    format!("`{}`", name.chars().take(MAX_SHOWN).flat_map(char::escape_debug).collect::<String>())
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MAX_LISTED) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// The tensors by name; a prefix that all names have is taken off.
fn without_prefixes(tensors: Vec<(String, Tensor)>) -> HashMap<String, Tensor> {
    let mut tensors = tensors;
    for prefix in PREFIXES {
        if !tensors.is_empty() && tensors.iter().all(|(name, _)| name.starts_with(prefix)) {
            for (name, _) in &mut tensors {
                name.drain(..prefix.len());
            }
        }
    }
    tensors.into_iter().collect()
}

/// Takes the tensors of these names and shapes, one after the other.
fn take_all<'a>(
    given: &mut HashMap<String, Tensor>,
    expected: impl Iterator<Item = (&'a String, Vec<usize>)>,
    problems: &mut Problems,
) -> Vec<f32> {
    let mut all = Vec::new();
    for (name, shape) in expected {
        match given.remove(name) {
            None => problems.missing.push(format!("`{name}`")),
            Some(tensor) => match values_of(&tensor, &shape) {
                Ok(values) => all.extend(values),
                Err(problem) => problems.unsuitable.push(format!("`{name}` {problem}")),
            },
        }
    }
    all
}

/// The elements as single precision.
fn values_of(tensor: &Tensor, shape: &[usize]) -> Result<Vec<f32>, String> {
    if tensor.shape().dims() != shape {
        let expected = Shape::new(shape).map_err(|error| error.to_string())?;
        return Err(format!("has shape {}, expected {expected}", tensor.shape()));
    }
    let values = match tensor.dtype() {
        DType::F32 => tensor.to_vec::<f32>(),
        DType::F64 => tensor.as_elements::<f64>().map(|v| v.iter().map(|&value| value as f32).collect()),
        DType::F16 => tensor.as_elements::<f16>().map(|v| v.iter().map(|value| value.to_f32()).collect()),
        DType::BF16 => tensor.as_elements::<bf16>().map(|v| v.iter().map(|value| value.to_f32()).collect()),
        other => return Err(format!("is of type {other}, expected floating point")),
    };
    let values = values.map_err(|error| error.to_string())?;
    if values.iter().any(|value| !value.is_finite()) {
        return Err("holds numbers that are not finite".to_owned());
    }
    Ok(values)
}
