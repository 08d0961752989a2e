//! Element types in TensorFlow's numbering.

use wharf_infer::ServiceError;
use wharf_tensor::DType;

use crate::proto::tensorflow::DataType;

/// TensorFlow's number for `dtype`.
pub(super) fn to_wire(dtype: DType) -> DataType {
    match dtype {
        DType::Bool => DataType::DtBool,
        DType::U8 => DataType::DtUint8,
        DType::U16 => DataType::DtUint16,
        DType::U32 => DataType::DtUint32,
        DType::U64 => DataType::DtUint64,
        DType::I8 => DataType::DtInt8,
        DType::I16 => DataType::DtInt16,
        DType::I32 => DataType::DtInt32,
        DType::I64 => DataType::DtInt64,
        DType::F16 => DataType::DtHalf,
        DType::BF16 => DataType::DtBfloat16,
        DType::F32 => DataType::DtFloat,
        DType::F64 => DataType::DtDouble,
        DType::String => DataType::DtString,
    }
}

/// The element type behind TensorFlow's `number`.
///
/// # Errors
/// There is none: the number is unknown, or stands for a type that no model here takes.
pub(super) fn from_wire(number: i32) -> Result<DType, ServiceError> {
    let known = DType::ALL.into_iter().find(|&dtype| to_wire(dtype) as i32 == number);
    known.ok_or_else(|| match DataType::try_from(number) {
        Ok(dtype) => ServiceError::invalid_argument(format!(
            "tensors of type {} are not supported",
            dtype.as_str_name()
        )),
        Err(_) => ServiceError::invalid_argument(format!("{number} is no element type")),
    })
}
