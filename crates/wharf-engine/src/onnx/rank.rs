//! Whether the number of an input's dimensions is known: the safe wrapper shows an unknown rank and a scalar alike.

use std::ptr;

use ort::session::Session;
use ort::{AsPointer, ortsys};

use crate::EngineError;

/// Checks that every input of the graph has a rank: one that has none would pass for a scalar, and every request
/// would be refused.
///
/// # Errors
/// An input has none; or the runtime does not say.
pub(super) fn check_input_ranks(session: &Session) -> Result<(), EngineError> {
    for (index, outlet) in session.inputs().iter().enumerate() {
        let is_suspect = outlet.dtype().tensor_shape().is_some_and(|shape| shape.is_empty());
        if is_suspect && !has_shape(session, index).map_err(|error| super::failure::of_engine(&error))? {
            let message = format!("input `{}` has no shape, expected a number of dimensions", outlet.name());
            return Err(EngineError::model(message));
        }
    }
    Ok(())
}

fn has_shape(session: &Session, index: usize) -> ort::Result<bool> {
    let mut info = ptr::null_mut();
    // SAFETY: the session is live and `index` is that of one of its inputs, which is a tensor; the description is
    // ours and freed below on every path.
    ortsys![unsafe SessionGetInputTypeInfo(session.ptr(), index, &mut info)?];
    let read = || {
        let mut tensor = ptr::null();
        // SAFETY: `info` is live; what comes out of it is a part of it.
        ortsys![unsafe CastTypeInfoToTensorInfo(info, &mut tensor)?];
        // SAFETY: `tensor` is a live part of `info`, or null where that is no tensor.
        Ok(!tensor.is_null() && ortsys![unsafe TensorTypeAndShape_HasShape(tensor)])
    };
    let has_shape = read();
    // SAFETY: made above, freed once.
    ortsys![unsafe ReleaseTypeInfo(info)];
    has_shape
}
