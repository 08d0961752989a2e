//! TensorFlow's tensor message into a tensor, without a copy where the message holds raw bytes or a full list.

use bytes::{Buf, Bytes};
use half::{bf16, f16};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_tensor::{DType, Element, Shape, Tensor};

use super::data_type;
use crate::Limits;
use crate::proto::tensorflow::{TensorProto, TensorShapeProto};

/// The tensor that `message` stands for.
///
/// Raw `tensor_content` is shared. A typed list may be shorter than the shape: its last value then fills the
/// rest, and an empty list means zeros.
///
/// # Errors
/// The shape, the element type or the amount of data is wrong, or the tensor would be larger than `limits`.
pub(super) fn decode_tensor(message: TensorProto, limits: &Limits) -> Result<Tensor, ServiceError> {
    let dtype = data_type::from_wire(message.dtype)?;
    let shape = decode_shape(message.tensor_shape.as_ref())?;
    let too_large = match shape.size_bytes(dtype) {
        Some(size) => size > limits.max_body_bytes,
        None => shape.num_elements() > limits.max_strings,
    };
    if too_large {
        let text = format!("tensor of type {dtype} and shape {shape} is larger than the limit");
        return Err(ServiceError::new(ErrorCode::TooLarge, text));
    }
    let lists = list_lengths(&message);
    if message.tensor_content.is_empty() {
        if let Some((name, _)) = lists.iter().find(|(name, length)| *length > 0 && *name != list_name(dtype))
        {
            let text =
                format!("tensor of type {dtype} has values in `{name}`, expected `{}`", list_name(dtype));
            return Err(ServiceError::invalid_argument(text));
        }
        return decode_list(message, dtype, shape);
    }
    if lists.iter().any(|(_, length)| *length > 0) {
        return Err(ServiceError::invalid_argument("tensor has both `tensor_content` and a list of values"));
    }
    decode_content(message.tensor_content, dtype, shape)
}

fn decode_shape(message: Option<&TensorShapeProto>) -> Result<Shape, ServiceError> {
    let Some(message) = message else { return Ok(Shape::scalar()) };
    if message.unknown_rank {
        return Err(ServiceError::invalid_argument("tensor has a shape of unknown rank"));
    }
    // Past the largest rank the error is the same for any length, so the message is not repeated in full.
    let dims: Vec<i64> = message.dim.iter().take(wharf_tensor::MAX_RANK + 1).map(|dim| dim.size).collect();
    Ok(Shape::from_i64(&dims)?)
}

/// The list that carries `dtype`.
fn list_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float_val",
        DType::F64 => "double_val",
        DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 => "int_val",
        DType::String => "string_val",
        DType::I64 => "int64_val",
        DType::Bool => "bool_val",
        DType::F16 | DType::BF16 => "half_val",
        DType::U32 => "uint32_val",
        DType::U64 => "uint64_val",
    }
}

fn list_lengths(message: &TensorProto) -> [(&'static str, usize); 9] {
    [
        ("float_val", message.float_val.len()),
        ("double_val", message.double_val.len()),
        ("int_val", message.int_val.len()),
        ("string_val", message.string_val.len()),
        ("int64_val", message.int64_val.len()),
        ("bool_val", message.bool_val.len()),
        ("half_val", message.half_val.len()),
        ("uint32_val", message.uint32_val.len()),
        ("uint64_val", message.uint64_val.len()),
    ]
}

fn decode_list(message: TensorProto, dtype: DType, shape: Shape) -> Result<Tensor, ServiceError> {
    Ok(match dtype {
        DType::F32 => Tensor::from_vec(shape.clone(), splat(message.float_val, &shape, 0.0)?)?,
        DType::F64 => Tensor::from_vec(shape.clone(), splat(message.double_val, &shape, 0.0)?)?,
        DType::I64 => Tensor::from_vec(shape.clone(), splat(message.int64_val, &shape, 0)?)?,
        DType::U32 => Tensor::from_vec(shape.clone(), splat(message.uint32_val, &shape, 0)?)?,
        DType::U64 => Tensor::from_vec(shape.clone(), splat(message.uint64_val, &shape, 0)?)?,
        DType::I32 => Tensor::from_vec(shape.clone(), splat(message.int_val, &shape, 0)?)?,
        DType::U8 => narrow::<u8>(&message.int_val, shape)?,
        DType::I8 => narrow::<i8>(&message.int_val, shape)?,
        DType::U16 => narrow::<u16>(&message.int_val, shape)?,
        DType::I16 => narrow::<i16>(&message.int_val, shape)?,
        DType::F16 => {
            let bits = splat(halves(&message.half_val)?, &shape, 0)?;
            Tensor::from_vec(shape, bits.into_iter().map(f16::from_bits).collect())?
        }
        DType::BF16 => {
            let bits = splat(halves(&message.half_val)?, &shape, 0)?;
            Tensor::from_vec(shape, bits.into_iter().map(bf16::from_bits).collect())?
        }
        DType::Bool => Tensor::from_bools(shape.clone(), splat(message.bool_val, &shape, false)?)?,
        DType::String => {
            Tensor::from_strings(shape.clone(), splat(message.string_val, &shape, Bytes::new())?)?
        }
    })
}

/// Fills `values` up to the shape with the last of them, or with `zero` where there is none.
fn splat<T: Clone>(mut values: Vec<T>, shape: &Shape, zero: T) -> Result<Vec<T>, ServiceError> {
    let wanted = shape.num_elements();
    if values.len() > wanted {
        return Err(ServiceError::invalid_argument(format!(
            "tensor of shape {shape} has {} values, expected at most {wanted}",
            values.len()
        )));
    }
    let filler = values.last().cloned().unwrap_or(zero);
    values.resize(wanted, filler);
    Ok(values)
}

/// Values that travel as 32-bit integers and are smaller.
fn narrow<T: Element + TryFrom<i32>>(values: &[i32], shape: Shape) -> Result<Tensor, ServiceError> {
    let narrowed: Result<Vec<T>, ServiceError> =
        values.iter().map(|&value| T::try_from(value).map_err(|_| out_of_range(value, T::DTYPE))).collect();
    Ok(Tensor::from_vec(shape.clone(), splat(narrowed?, &shape, T::zeroed())?)?)
}

fn halves(values: &[i32]) -> Result<Vec<u16>, ServiceError> {
    values.iter().map(|&value| u16::try_from(value).map_err(|_| out_of_range(value, DType::F16))).collect()
}

fn out_of_range(value: i32, dtype: DType) -> ServiceError {
    ServiceError::invalid_argument(format!("value {value} does not fit type {dtype}"))
}

fn decode_content(content: Bytes, dtype: DType, shape: Shape) -> Result<Tensor, ServiceError> {
    match dtype {
        DType::String => Ok(Tensor::from_strings(shape.clone(), split_strings(content, &shape)?)?),
        DType::Bool if content.iter().any(|&byte| byte > 1) => {
            Err(ServiceError::invalid_argument("tensor of type bool has bytes other than 0 and 1"))
        }
        _ => Ok(Tensor::from_bytes(dtype, shape, content)?),
    }
}

/// Strings as raw content: all lengths as varints, then all bytes.
fn split_strings(mut content: Bytes, shape: &Shape) -> Result<Vec<Bytes>, ServiceError> {
    let wrong = || ServiceError::invalid_argument("`tensor_content` does not hold the strings of its shape");
    // A length takes a byte at least, so the count is bounded by what was received.
    if shape.num_elements() > content.len() {
        return Err(wrong());
    }
    let lengths: Result<Vec<u64>, _> =
        (0..shape.num_elements()).map(|_| prost::encoding::decode_varint(&mut content)).collect();
    let mut strings = Vec::new();
    for length in lengths.map_err(|_| wrong())? {
        let length = usize::try_from(length).ok().filter(|&length| length <= content.remaining());
        strings.push(content.split_to(length.ok_or_else(wrong)?));
    }
    if content.has_remaining() { Err(wrong()) } else { Ok(strings) }
}
