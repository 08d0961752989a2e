//! An answer in memory of its own: what a run gives may be a slice of the outputs of a whole batch, or of the body of
//! the request.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use wharf_infer::NamedTensor;
use wharf_tensor::Tensor;

/// What an entry takes beside its tensors: its key twice, its places in the map and in the order, its allocations.
const ENTRY_BYTES: usize = 320;

/// What it takes to keep `outputs`.
pub(super) fn size_bytes(outputs: &[NamedTensor]) -> usize {
    let size = |output: &NamedTensor| {
        let tensor = &output.tensor;
        let strings = tensor.strings().unwrap_or_default();
        let text: usize = strings.iter().map(|string| string.len() + size_of::<Bytes>()).sum();
        let numbers = tensor.bytes().map_or(0, Bytes::len);
        let dims = size_of_val(tensor.shape().dims());
        size_of::<NamedTensor>() + output.name.len() + dims + text + numbers
    };
    outputs.iter().map(size).fold(ENTRY_BYTES, usize::saturating_add)
}

/// The same tensors, sharing no memory with others.
pub(super) fn copied(outputs: &[NamedTensor]) -> Arc<[NamedTensor]> {
    let copy = |output: &NamedTensor| {
        let tensor = &output.tensor;
        let copied = match (tensor.bytes(), tensor.strings()) {
            (Some(bytes), _) => {
                Tensor::from_bytes(tensor.dtype(), tensor.shape().clone(), Bytes::copy_from_slice(bytes))
            }
            (None, strings) => {
                Tensor::from_strings(tensor.shape().clone(), copied_strings(strings.unwrap_or_default()))
            }
        };
        // Of the same type, shape and length it is a tensor as before.
        NamedTensor::new(output.name.as_str(), copied.unwrap_or_else(|_| tensor.clone()))
    };
    outputs.iter().map(copy).collect()
}

/// All in one piece of memory.
fn copied_strings(strings: &[Bytes]) -> Vec<Bytes> {
    let mut joined = BytesMut::with_capacity(strings.iter().map(Bytes::len).sum());
    strings.iter().for_each(|string| joined.extend_from_slice(string));
    let mut joined = joined.freeze();
    strings.iter().map(|string| joined.split_to(string.len())).collect()
}
