//! A network's parameters and running statistics as PyTorch names them.

use wharf_tensor::{Shape, Tensor};

use crate::error::TrainError;
use crate::export::graph::{floats, unexportable};
use crate::network::Network;

/// Counts batches in PyTorch, beside the running statistics.
pub(super) const COUNTER: &str = "num_batches_tracked";
const MEAN: &str = "running_mean";
const VARIANCE: &str = "running_var";

/// The state dict, in the order of the layers; the statistics of a batch normalisation come after its bias.
pub(super) fn tensors(network: &Network, steps: u64) -> Result<Vec<(String, Tensor)>, TrainError> {
    let mut tensors = Vec::new();
    for (number, spec) in network.parameter_specs().iter().enumerate() {
        let values = floats(&spec.shape, network.parameter(number)).map_err(unexportable)?;
        tensors.push((spec.name.clone(), values));
        if let Some(prefix) = spec.name.strip_suffix("bias") {
            statistics(network, prefix, steps, &mut tensors)?;
        }
    }
    Ok(tensors)
}

/// The statistics whose names begin with `prefix`, where there are some.
fn statistics(
    network: &Network,
    prefix: &str,
    steps: u64,
    tensors: &mut Vec<(String, Tensor)>,
) -> Result<(), TrainError> {
    let before = tensors.len();
    for (number, spec) in network.buffer_specs().iter().enumerate() {
        if [MEAN, VARIANCE].into_iter().any(|name| spec.name.strip_prefix(prefix) == Some(name)) {
            let values = floats(&[spec.length], network.buffer(number)).map_err(unexportable)?;
            tensors.push((spec.name.clone(), values));
        }
    }
    if tensors.len() > before {
        let steps = vec![i64::try_from(steps).unwrap_or(i64::MAX)];
        let steps = Tensor::from_vec(Shape::scalar(), steps).map_err(unexportable)?;
        tensors.push((format!("{prefix}{COUNTER}"), steps));
    }
    Ok(())
}
