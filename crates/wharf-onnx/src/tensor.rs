//! Constants: their data checked against type and shape, and as tensors.

use bytes::Bytes;
use wharf_tensor::{DType, Shape, Tensor};

use crate::proto::{SparseTensorProto, TensorProto};
use crate::{OnnxError, dtype_from_code};

impl TensorProto {
    /// The constant as a tensor. Raw data is shared, other forms are converted.
    ///
    /// # Errors
    /// The data is in another file, or does not fit type and shape, or the type is none of this project's.
    pub fn to_tensor(&self) -> Result<Tensor, OnnxError> {
        check(self)?;
        let fail = |source| OnnxError::tensor_source(&self.name, source);
        let dtype = dtype_from_code(self.data_type)
            .ok_or_else(|| OnnxError::tensor(&self.name, "has an unknown element type"))?;
        let shape = Shape::from_i64(&self.dims).map_err(fail)?;
        if dtype == DType::String {
            return Tensor::from_strings(shape, self.string_data.clone()).map_err(fail);
        }
        let bytes = self.raw_data.clone().unwrap_or_else(|| self.typed_bytes(dtype));
        Tensor::from_bytes(dtype, shape, bytes).map_err(fail)
    }

    /// The elements of the typed fields, little-endian, in the width of `dtype`.
    fn typed_bytes(&self, dtype: DType) -> Bytes {
        let width = dtype.size_bytes().unwrap_or(0);
        // Truncation is what the format means: it keeps 8- and 16-bit elements in wider integers.
        let narrow = |wide: [u8; 8]| wide.into_iter().take(width);
        let bytes: Vec<u8> = match dtype {
            DType::F32 => self.float_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
            DType::F64 => self.double_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
            DType::I64 => self.int64_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
            DType::U32 | DType::U64 => {
                self.uint64_data.iter().flat_map(|value| narrow(value.to_le_bytes())).collect()
            }
            _ => self.int32_data.iter().flat_map(|&value| narrow(i64::from(value).to_le_bytes())).collect(),
        };
        Bytes::from(bytes)
    }

    fn typed_count(&self) -> Option<usize> {
        Some(match self.data_type {
            FLOAT => self.float_data.len(),
            COMPLEX64 => self.float_data.len() / 2,
            DOUBLE => self.double_data.len(),
            COMPLEX128 => self.double_data.len() / 2,
            INT64 => self.int64_data.len(),
            UINT32 | UINT64 => self.uint64_data.len(),
            STRING => self.string_data.len(),
            _ => self.int32_data.len(),
        })
    }
}

/// Checks that a constant has the data that its type and shape demand, without converting it.
pub(crate) fn check(tensor: &TensorProto) -> Result<(), OnnxError> {
    let fail = |problem: String| Err(OnnxError::tensor(&tensor.name, problem));
    if tensor.data_location != 0 || !tensor.external_data.is_empty() {
        return fail(
            "has its data in another file, which is not supported; save the model as one file".into(),
        );
    }
    let shape =
        Shape::from_i64(&tensor.dims).map_err(|source| OnnxError::tensor_source(&tensor.name, source))?;
    let Some(bits) = bits_of(tensor.data_type) else {
        return fail(format!("has element type {}, which is unknown", tensor.data_type));
    };
    let count = shape.num_elements();
    if let Some(raw) = &tensor.raw_data {
        // A shape's elements times eight bytes fit, so their bits do unless they are wider than that.
        let expected = count.checked_mul(bits).map(|total| total.div_ceil(8));
        if tensor.data_type == STRING || Some(raw.len()) != expected {
            let expected = expected.unwrap_or(usize::MAX);
            return fail(format!("has {} bytes of data, expected {expected} for shape {shape}", raw.len()));
        }
        return Ok(());
    }
    // Elements of less than a byte are packed into the integers.
    let expected = if bits < 8 { count.div_ceil(8 / bits) } else { count };
    match tensor.typed_count() {
        Some(actual) if actual == expected => Ok(()),
        actual => {
            fail(format!("has {} elements, expected {expected} for shape {shape}", actual.unwrap_or(0)))
        }
    }
}

/// Checks both parts of a sparse constant.
pub(crate) fn check_sparse(tensor: &SparseTensorProto) -> Result<(), OnnxError> {
    let parts = tensor.values.as_ref().zip(tensor.indices.as_ref());
    let (values, indices) = parts.ok_or_else(|| OnnxError::missing("part of a sparse tensor"))?;
    check(values)?;
    check(indices)?;
    Shape::from_i64(&tensor.dims).map_err(|source| OnnxError::tensor_source(&values.name, source)).map(drop)
}

const FLOAT: i32 = 1;
const INT64: i32 = 7;
const STRING: i32 = 8;
const DOUBLE: i32 = 11;
const UINT32: i32 = 12;
const UINT64: i32 = 13;
const COMPLEX64: i32 = 14;
const COMPLEX128: i32 = 15;

/// How many bits an element has, by ONNX's number; strings, which have none, count as 8.
fn bits_of(data_type: i32) -> Option<usize> {
    Some(match data_type {
        2 | 3 | STRING | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        FLOAT | 6 | UINT32 => 32,
        INT64 | DOUBLE | UINT64 | COMPLEX64 => 64,
        COMPLEX128 => 128,
        21..=23 => 4,
        25 | 26 => 2,
        _ => return None,
    })
}
