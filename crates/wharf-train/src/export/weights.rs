//! Weight files, in PyTorch's names and layouts: `.pth` and `.safetensors`, both ways.

mod files;
mod fit;
mod state_dict;

use std::path::Path;

use bytes::Bytes;

use crate::error::TrainError;
use crate::network::Network;
use files::Format;
use wharf_runs::{read, write_atomically};

/// Writes the network's state dict to `path`, as `.pth` (or `.pt`), which `torch.load(path, weights_only=True)`
/// reads, or as `.safetensors`. A batch normalisation has its running statistics beside its weights, and
/// `steps` as `num_batches_tracked`.
///
/// # Errors
/// The extension is another, or the file cannot be written; then an older file is still there whole.
pub fn save_weights(network: &Network, steps: u64, path: &Path) -> Result<(), TrainError> {
    let format = Format::of(path)?;
    let content = format.write(&state_dict::tensors(network, steps)?);
    Ok(write_atomically(path, &content.map_err(|problem| unusable("write", path, &problem))?)?)
}

/// The network's state dict as the content of a `.safetensors` file.
///
/// # Errors
/// None for a network whose plan is sound.
pub(crate) fn to_safetensors(network: &Network, steps: u64) -> Result<Vec<u8>, TrainError> {
    let content = Format::Safetensors.write(&state_dict::tensors(network, steps)?);
    content.map_err(super::graph::unexportable)
}

/// Sets the network's parameters and running statistics to those in the file at `path`. All names may have the
/// prefix `module.` of `DataParallel` or `_orig_mod.` of `torch.compile`; half and double precision are
/// converted; `num_batches_tracked` may be there and is not used.
///
/// # Errors
/// The file cannot be read, or does not fit: one error lists what is missing, unexpected, or unsuitable (of
/// another shape, of no floating-point type, not finite). The network is then unchanged.
pub fn load_weights(network: &mut Network, path: &Path) -> Result<(), TrainError> {
    let format = Format::of(path)?;
    let tensors = format.read(&Bytes::from(read(path)?));
    let tensors = tensors.map_err(|problem| unusable("read", path, &problem))?;
    (network.parameters, network.buffers) =
        fit::fitted(network, tensors).map_err(|problems| problems.into_error(path))?;
    Ok(())
}

fn unusable(action: &str, path: &Path, problem: &str) -> TrainError {
    TrainError::model(vec![format!("cannot {action} `{}`: {problem}", path.display())])
}
