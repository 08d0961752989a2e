//! The elements of a tensor as JSON.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use half::{bf16, f16};
use wharf_infer::ServiceError;
use wharf_tensor::{DType, Tensor};

use super::{write_decimal, write_string};

/// How strings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StringForm {
    /// As text.
    Text,
    /// As `{"b64": "..."}`.
    Base64,
}

/// The elements of a tensor by type. Those with the same text form share a variant.
pub(crate) enum Elements<'a> {
    Bool(&'a [u8]),
    Unsigned(Vec<u64>),
    Signed(Vec<i64>),
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
    Text(&'a [Bytes]),
    Base64(&'a [Bytes]),
}

impl<'a> Elements<'a> {
    /// Those of `tensor`.
    pub(crate) fn of(tensor: &'a Tensor, form: StringForm) -> Result<Self, ServiceError> {
        Ok(match tensor.dtype() {
            DType::Bool => Self::Bool(tensor.bytes().map(|bytes| &**bytes).unwrap_or_default()),
            DType::U8 => Self::Unsigned(widened::<u8, u64>(tensor)?),
            DType::U16 => Self::Unsigned(widened::<u16, u64>(tensor)?),
            DType::U32 => Self::Unsigned(widened::<u32, u64>(tensor)?),
            DType::U64 => Self::Unsigned(tensor.to_vec()?),
            DType::I8 => Self::Signed(widened::<i8, i64>(tensor)?),
            DType::I16 => Self::Signed(widened::<i16, i64>(tensor)?),
            DType::I32 => Self::Signed(widened::<i32, i64>(tensor)?),
            DType::I64 => Self::Signed(tensor.to_vec()?),
            DType::F16 => Self::F32(Cow::Owned(widened::<f16, f32>(tensor)?)),
            DType::BF16 => Self::F32(Cow::Owned(widened::<bf16, f32>(tensor)?)),
            DType::F32 => Self::F32(tensor.as_elements()?),
            DType::F64 => Self::F64(tensor.as_elements()?),
            DType::String => {
                let strings = tensor.strings().unwrap_or_default();
                match form {
                    StringForm::Base64 => Self::Base64(strings),
                    StringForm::Text => Self::Text(strings),
                }
            }
        })
    }

    /// Appends one of them.
    pub(crate) fn write(&self, out: &mut Vec<u8>, index: usize) {
        let integer = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        let mut digits = itoa::Buffer::new();
        match self {
            Self::Bool(flags) => {
                let flag = flags.get(index).is_some_and(|&flag| flag != 0);
                out.extend_from_slice(if flag { b"true" } else { b"false" });
            }
            Self::Unsigned(values) => {
                integer(out, digits.format(values.get(index).copied().unwrap_or_default()));
            }
            Self::Signed(values) => {
                integer(out, digits.format(values.get(index).copied().unwrap_or_default()));
            }
            Self::F32(values) => write_decimal(out, values.get(index).copied().unwrap_or_default()),
            Self::F64(values) => write_decimal(out, values.get(index).copied().unwrap_or_default()),
            Self::Text(strings) => {
                write_string(out, strings.get(index).map(|text| &**text).unwrap_or_default());
            }
            Self::Base64(strings) => {
                let bytes = strings.get(index).map(|bytes| &**bytes).unwrap_or_default();
                out.extend_from_slice(b"{\"b64\": \"");
                out.extend_from_slice(BASE64_STANDARD.encode(bytes).as_bytes());
                out.extend_from_slice(b"\"}");
            }
        }
    }
}

fn widened<T: wharf_tensor::Element, W: From<T>>(tensor: &Tensor) -> Result<Vec<W>, ServiceError> {
    Ok(tensor.as_elements::<T>()?.iter().map(|&value| W::from(value)).collect())
}
