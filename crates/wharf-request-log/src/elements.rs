//! Elements of tensors as JSON, and as bytes where JSON has no value for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use half::{bf16, f16};
use serde_json::Value;
use wharf_tensor::{DType, Element, Shape, Tensor};

/// The elements in row-major order; `None` where one of them would not come back as it is: not a number, infinite, or
/// no text.
pub(crate) fn to_json(tensor: &Tensor) -> Option<Vec<Value>> {
    match tensor.dtype() {
        DType::String => {
            let text = |bytes: &Bytes| Some(Value::from(std::str::from_utf8(bytes).ok()?));
            tensor.strings()?.iter().map(text).collect()
        }
        DType::Bool => {
            tensor.bytes()?.iter().map(|byte| (*byte < 2).then(|| Value::from(*byte == 1))).collect()
        }
        DType::U8 => numbers::<u8>(tensor, |value| Some(value.into())),
        DType::U16 => numbers::<u16>(tensor, |value| Some(value.into())),
        DType::U32 => numbers::<u32>(tensor, |value| Some(value.into())),
        DType::U64 => numbers::<u64>(tensor, |value| Some(value.into())),
        DType::I8 => numbers::<i8>(tensor, |value| Some(value.into())),
        DType::I16 => numbers::<i16>(tensor, |value| Some(value.into())),
        DType::I32 => numbers::<i32>(tensor, |value| Some(value.into())),
        DType::I64 => numbers::<i64>(tensor, |value| Some(value.into())),
        DType::F16 => numbers::<f16>(tensor, |value| float(value.to_f64())),
        DType::BF16 => numbers::<bf16>(tensor, |value| float(value.to_f64())),
        DType::F32 => numbers::<f32>(tensor, |value| float(value.into())),
        DType::F64 => numbers::<f64>(tensor, float),
    }
}

fn numbers<T: Element>(tensor: &Tensor, write: impl Fn(T) -> Option<Value>) -> Option<Vec<Value>> {
    tensor.to_vec::<T>().ok()?.into_iter().map(write).collect()
}

/// Reading may be off by the last digit: then it is no number for JSON.
fn float(value: f64) -> Option<Value> {
    let written = Value::from(serde_json::Number::from_f64(value)?);
    let read: f64 = serde_json::from_str(&written.to_string()).ok()?;
    (read.to_bits() == value.to_bits()).then_some(written)
}

/// The tensor of these elements.
///
/// # Errors
/// One of them is of another type, or there are too many or too few.
pub(crate) fn from_json(dtype: DType, shape: Shape, values: &[Value]) -> Result<Tensor, String> {
    match dtype {
        DType::String => {
            let text = |value: &Value| Some(Bytes::copy_from_slice(value.as_str()?.as_bytes()));
            Tensor::from_strings(shape, read_all(dtype, values, text)?).map_err(|error| error.to_string())
        }
        DType::Bool => Tensor::from_bools(shape, read_all(dtype, values, Value::as_bool)?)
            .map_err(|error| error.to_string()),
        DType::U8 => whole::<u8>(shape, values),
        DType::U16 => whole::<u16>(shape, values),
        DType::U32 => whole::<u32>(shape, values),
        DType::U64 => whole::<u64>(shape, values),
        DType::I8 => whole::<i8>(shape, values),
        DType::I16 => whole::<i16>(shape, values),
        DType::I32 => whole::<i32>(shape, values),
        DType::I64 => whole::<i64>(shape, values),
        DType::F16 => of(shape, values, |value| Some(f16::from_f64(value.as_f64()?))),
        DType::BF16 => of(shape, values, |value| Some(bf16::from_f64(value.as_f64()?))),
        DType::F32 => of(shape, values, |value| Some(value.as_f64()? as f32)),
        DType::F64 => of(shape, values, Value::as_f64),
    }
}

fn whole<T: Element + TryFrom<i128>>(shape: Shape, values: &[Value]) -> Result<Tensor, String> {
    of(shape, values, |value| {
        let number = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))?;
        T::try_from(number).ok()
    })
}

fn of<T: Element>(
    shape: Shape,
    values: &[Value],
    read: impl Fn(&Value) -> Option<T>,
) -> Result<Tensor, String> {
    Tensor::from_vec(shape, read_all(T::DTYPE, values, read)?).map_err(|error| error.to_string())
}

fn read_all<T>(dtype: DType, values: &[Value], read: impl Fn(&Value) -> Option<T>) -> Result<Vec<T>, String> {
    let one = |value: &Value| read(value).ok_or_else(|| format!("an element of `data` is no {dtype}"));
    values.iter().map(one).collect()
}

/// The elements in little-endian order as Base64; strings each after its length of four bytes.
pub(crate) fn to_base64(tensor: &Tensor) -> String {
    match (tensor.bytes(), tensor.strings()) {
        (Some(bytes), _) => STANDARD.encode(bytes),
        (None, strings) => {
            let mut bytes = Vec::new();
            for text in strings.unwrap_or_default() {
                // A string came in a message, which is smaller.
                bytes.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                bytes.extend_from_slice(text);
            }
            STANDARD.encode(bytes)
        }
    }
}

/// The tensor of such bytes.
///
/// # Errors
/// They are no Base64, or do not fill the shape.
pub(crate) fn from_base64(dtype: DType, shape: Shape, text: &str) -> Result<Tensor, String> {
    let bytes = Bytes::from(STANDARD.decode(text).map_err(|error| error.to_string())?);
    let tensor = match dtype {
        DType::String => Tensor::from_strings(shape, strings(&bytes)?),
        _ => Tensor::from_bytes(dtype, shape, bytes),
    };
    tensor.map_err(|error| error.to_string())
}

fn strings(bytes: &Bytes) -> Result<Vec<Bytes>, String> {
    let (mut rest, mut strings) = (bytes.clone(), Vec::new());
    while !rest.is_empty() {
        let length = rest.first_chunk::<4>().map(|length| u32::from_le_bytes(*length));
        let end = length.and_then(|length| usize::try_from(length).ok()?.checked_add(4));
        let end = end.filter(|end| *end <= rest.len()).ok_or("a string is cut off")?;
        strings.push(rest.split_to(end).slice(4..));
    }
    Ok(strings)
}
