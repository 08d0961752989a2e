//! ONNX's numbers for element types.

use wharf_tensor::DType;

const CODES: [(DType, i32); 14] = [
    (DType::F32, 1),
    (DType::U8, 2),
    (DType::I8, 3),
    (DType::U16, 4),
    (DType::I16, 5),
    (DType::I32, 6),
    (DType::I64, 7),
    (DType::String, 8),
    (DType::Bool, 9),
    (DType::F16, 10),
    (DType::F64, 11),
    (DType::U32, 12),
    (DType::U64, 13),
    (DType::BF16, 16),
];

/// ONNX's number for an element type.
pub fn dtype_code(dtype: DType) -> i32 {
    CODES.iter().find(|(ours, _)| *ours == dtype).map_or(0, |(_, code)| *code)
}

/// The element type that ONNX numbers so; `None` for those that tensors of this project do not hold, such as
/// complex numbers and numbers of 4 and 8 bits.
pub fn dtype_from_code(code: i32) -> Option<DType> {
    CODES.iter().find(|(_, theirs)| *theirs == code).map(|(dtype, _)| *dtype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_number() {
        for dtype in DType::ALL {
            assert_eq!(dtype_from_code(dtype_code(dtype)), Some(dtype));
        }
        assert_eq!(dtype_from_code(0), None);
        assert_eq!(dtype_from_code(14), None);
    }
}
