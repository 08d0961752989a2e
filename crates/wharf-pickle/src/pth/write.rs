//! From tensors to a `.pth` file.

use std::collections::HashSet;

use wharf_tensor::{DType, Shape, Tensor};

use super::archive_writer::ArchiveWriter;
use super::types::{TorchType, torch_type};
use crate::PickleError;
use crate::writer::PickleWriter;

/// The content of a file that `torch.load(path, weights_only=True)` reads as an ordered dictionary of these
/// tensors. The same tensors give the same bytes.
///
/// # Errors
/// Two tensors have one name, a tensor holds strings, or the file would have 4 GiB or more.
pub fn write_pth<S: AsRef<str>>(tensors: &[(S, Tensor)]) -> Result<Vec<u8>, PickleError> {
    let mut archive = ArchiveWriter::default();
    archive.add("archive/data.pkl", &state_dict(tensors)?)?;
    archive.add("archive/byteorder", b"little")?;
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        let bytes = tensor.bytes().ok_or_else(|| strings(name.as_ref()))?;
        archive.add(&format!("archive/data/{key}"), bytes)?;
    }
    archive.add("archive/version", b"3\n")?;
    archive.finish()
}

fn state_dict<S: AsRef<str>>(tensors: &[(S, Tensor)]) -> Result<Vec<u8>, PickleError> {
    let mut names = HashSet::new();
    let mut pickle = PickleWriter::new();
    pickle.ordered_dict();
    pickle.mark();
    for (key, (name, tensor)) in tensors.iter().enumerate() {
        let name = name.as_ref();
        if !names.insert(name) {
            return Err(PickleError::tensor(name, "is there twice"));
        }
        pickle.text(name)?;
        write_tensor(&mut pickle, name, key, tensor)?;
    }
    pickle.set_items();
    Ok(pickle.finish())
}

/// A call of `_rebuild_tensor_v2`, or of `_rebuild_tensor_v3` for types that have no storage class:
/// storage, offset, size, stride, requires_grad, backward hooks, and the type.
fn write_tensor(
    pickle: &mut PickleWriter,
    name: &str,
    key: usize,
    tensor: &Tensor,
) -> Result<(), PickleError> {
    let torch_type = torch_type(tensor.dtype()).ok_or_else(|| strings(name))?;
    let function = match torch_type {
        TorchType::Storage(_) => "_rebuild_tensor_v2",
        TorchType::Named(_) => "_rebuild_tensor_v3",
    };
    pickle.global("torch._utils", function);
    pickle.mark();
    write_storage(pickle, torch_type, key, tensor)?;
    pickle.int(0);
    write_ints(pickle, tensor.shape().dims());
    write_ints(pickle, &strides(tensor.shape()));
    pickle.bool(false);
    pickle.ordered_dict();
    if let TorchType::Named(name) = torch_type {
        pickle.global("torch", name);
    }
    pickle.tuple();
    pickle.reduce();
    Ok(())
}

fn write_storage(
    pickle: &mut PickleWriter,
    torch_type: TorchType,
    key: usize,
    tensor: &Tensor,
) -> Result<(), PickleError> {
    pickle.mark();
    pickle.text("storage")?;
    let count = match torch_type {
        TorchType::Storage(class) => {
            pickle.global("torch", class);
            tensor.num_elements()
        }
        TorchType::Named(_) => {
            pickle.global("torch.storage", "UntypedStorage");
            tensor.bytes().map_or(0, |bytes| bytes.len())
        }
    };
    pickle.text(&key.to_string())?;
    pickle.text("cpu")?;
    pickle.int(to_i64(count));
    pickle.tuple();
    pickle.persistent_id();
    Ok(())
}

fn write_ints(pickle: &mut PickleWriter, values: &[usize]) {
    pickle.mark();
    values.iter().for_each(|&value| pickle.int(to_i64(value)));
    pickle.tuple();
}

/// The strides of row-major order. PyTorch gives a dimension of none the stride of one.
fn strides(shape: &Shape) -> Vec<usize> {
    let mut strides: Vec<usize> = Vec::new();
    let mut stride = 1;
    for &dim in shape.dims().iter().rev() {
        strides.push(stride);
        stride *= dim.max(1);
    }
    strides.reverse();
    strides
}

/// Sizes of a tensor in memory fit, as a shape guarantees.
fn to_i64(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}

fn strings(name: &str) -> PickleError {
    PickleError::tensor(
        name,
        format!("holds elements of type {}, which PyTorch does not have", DType::String),
    )
}
