//! Tensors as columns.

use std::borrow::Cow;

use half::{bf16, f16};
use wharf_tensor::{DType, Element, Tensor};

use super::ColumnValues;
use crate::TransformError;

impl<'a> ColumnValues<'a> {
    /// The values of a tensor `[n]` or `[n, 1]` of any element type. Integers beyond 2^53 lose their last digits.
    ///
    /// # Errors
    /// The tensor has another shape.
    pub fn from_tensor(tensor: &'a Tensor) -> Result<Self, TransformError> {
        if !matches!(tensor.shape().dims(), [_] | [_, 1]) {
            let shape = tensor.shape();
            return Err(TransformError::input(format!("has shape {shape}, expected [N] or [N, 1]")));
        }
        if let Some(texts) = tensor.strings() {
            return Ok(Self::Texts(texts));
        }
        Ok(match tensor.dtype() {
            DType::F64 => Self::Numbers(tensor.as_elements::<f64>()?),
            DType::F32 => numbers::<f32>(tensor, f64::from)?,
            DType::F16 => numbers::<f16>(tensor, f64::from)?,
            DType::BF16 => numbers::<bf16>(tensor, f64::from)?,
            DType::U8 => numbers::<u8>(tensor, f64::from)?,
            DType::U16 => numbers::<u16>(tensor, f64::from)?,
            DType::U32 => numbers::<u32>(tensor, f64::from)?,
            DType::U64 => numbers::<u64>(tensor, |value| value as f64)?,
            DType::I8 => numbers::<i8>(tensor, f64::from)?,
            DType::I16 => numbers::<i16>(tensor, f64::from)?,
            DType::I32 => numbers::<i32>(tensor, f64::from)?,
            DType::I64 => numbers::<i64>(tensor, |value| value as f64)?,
            DType::Bool | DType::String => {
                let bytes =
                    tensor.bytes().map(|bytes| bytes.iter().map(|byte| u8::from(*byte != 0)).collect());
                Self::Booleans(Cow::Owned(bytes.unwrap_or_default()))
            }
        })
    }
}

fn numbers<T: Element>(
    tensor: &Tensor,
    number: impl Fn(T) -> f64,
) -> Result<ColumnValues<'static>, TransformError> {
    let elements = tensor.as_elements::<T>()?;
    Ok(ColumnValues::Numbers(Cow::Owned(elements.iter().map(|value| number(*value)).collect())))
}
