//! Element types in the protocol's names.

use wharf_infer::ServiceError;
use wharf_tensor::DType;

/// The protocol's name for `dtype`.
pub(super) const fn to_wire(dtype: DType) -> &'static str {
    dtype.open_inference_name()
}

/// The element type that `name` stands for; `input` is whose it is.
///
/// # Errors
/// There is none of that name.
pub(super) fn from_wire(name: &str, input: &str) -> Result<DType, ServiceError> {
    DType::from_open_inference_name(name).ok_or_else(|| {
        let (input, name) = (super::shown(input), super::shown(name));
        ServiceError::invalid_argument(format!("invalid datatype '{name}' for input '{input}'"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for dtype in DType::ALL {
            assert_eq!(from_wire(to_wire(dtype), "x").unwrap(), dtype);
        }
        let error = from_wire("FP8", "x").unwrap_err();
        assert_eq!(error.message(), "invalid datatype 'FP8' for input 'x'");
    }
}
