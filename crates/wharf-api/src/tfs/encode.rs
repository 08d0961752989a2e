//! A tensor into TensorFlow's message: a typed list, which every client reads, or raw bytes where asked for.

use bytes::{BufMut, Bytes, BytesMut};
use wharf_infer::ServiceError;
use wharf_tensor::{DType, Element, Tensor};

use super::data_type;
use crate::proto::tensorflow::tensor_shape_proto::Dim;
use crate::proto::tensorflow::{TensorProto, TensorShapeProto};

/// Which field of the message carries the elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum TensorEncoding {
    /// `float_val` and its kin.
    #[default]
    Values,
    /// `tensor_content`.
    Content,
}

/// The message of `tensor`.
pub(super) fn encode_tensor(tensor: &Tensor, encoding: TensorEncoding) -> Result<TensorProto, ServiceError> {
    let mut message = TensorProto {
        dtype: data_type::to_wire(tensor.dtype()) as i32,
        tensor_shape: Some(encode_shape(&tensor.shape().to_i64())),
        ..TensorProto::default()
    };
    match encoding {
        TensorEncoding::Content => message.tensor_content = content(tensor),
        TensorEncoding::Values => fill_values(&mut message, tensor)?,
    }
    Ok(message)
}

/// The message of a shape, where -1 is a dimension of any size.
pub(super) fn encode_shape(dims: &[i64]) -> TensorShapeProto {
    let dim = dims.iter().map(|&size| Dim { size, name: String::new() }).collect();
    TensorShapeProto { dim, unknown_rank: false }
}

fn fill_values(message: &mut TensorProto, tensor: &Tensor) -> Result<(), ServiceError> {
    match tensor.dtype() {
        DType::F32 => message.float_val = tensor.to_vec()?,
        DType::F64 => message.double_val = tensor.to_vec()?,
        DType::I64 => message.int64_val = tensor.to_vec()?,
        DType::U32 => message.uint32_val = tensor.to_vec()?,
        DType::U64 => message.uint64_val = tensor.to_vec()?,
        DType::I32 => message.int_val = tensor.to_vec()?,
        DType::U8 => message.int_val = widened::<u8>(tensor, i32::from)?,
        DType::I8 => message.int_val = widened::<i8>(tensor, i32::from)?,
        DType::U16 => message.int_val = widened::<u16>(tensor, i32::from)?,
        DType::I16 => message.int_val = widened::<i16>(tensor, i32::from)?,
        DType::F16 => message.half_val = widened::<half::f16>(tensor, |value| value.to_bits().into())?,
        DType::BF16 => message.half_val = widened::<half::bf16>(tensor, |value| value.to_bits().into())?,
        DType::Bool => {
            message.bool_val = tensor.bytes().into_iter().flatten().map(|&byte| byte != 0).collect();
        }
        DType::String => message.string_val = tensor.strings().unwrap_or_default().to_vec(),
    }
    Ok(())
}

fn widened<T: Element>(tensor: &Tensor, widen: impl Fn(T) -> i32) -> Result<Vec<i32>, ServiceError> {
    Ok(tensor.as_elements::<T>()?.iter().map(|&value| widen(value)).collect())
}

fn content(tensor: &Tensor) -> Bytes {
    if let Some(bytes) = tensor.bytes() {
        return bytes.clone();
    }
    let strings = tensor.strings().unwrap_or_default();
    let mut content = BytesMut::new();
    for string in strings {
        prost::encoding::encode_varint(string.len() as u64, &mut content);
    }
    strings.iter().for_each(|string| content.put_slice(string));
    content.freeze()
}
