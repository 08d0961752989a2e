//! Element types in the protocol's names.

use wharf_infer::ServiceError;
use wharf_tensor::DType;

/// The protocol's name for `dtype`.
pub(super) const fn to_wire(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "BOOL",
        DType::U8 => "UINT8",
        DType::U16 => "UINT16",
        DType::U32 => "UINT32",
        DType::U64 => "UINT64",
        DType::I8 => "INT8",
        DType::I16 => "INT16",
        DType::I32 => "INT32",
        DType::I64 => "INT64",
        DType::F16 => "FP16",
        DType::BF16 => "BF16",
        DType::F32 => "FP32",
        DType::F64 => "FP64",
        DType::String => "BYTES",
    }
}

/// The element type that `name` stands for; `input` is whose it is.
///
/// # Errors
/// There is none of that name.
pub(super) fn from_wire(name: &str, input: &str) -> Result<DType, ServiceError> {
    let known = DType::ALL.into_iter().find(|&dtype| to_wire(dtype) == name);
    known.ok_or_else(|| {
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
