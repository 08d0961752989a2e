//! Tensors as raw bytes: little-endian and row-major; strings as a 32-bit length and their bytes, each.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use wharf_infer::{ErrorCode, ServiceError};
use wharf_tensor::{DType, Shape, Tensor};

use super::shown;
use crate::Limits;

/// The tensor in `data`, which it shares.
///
/// # Errors
/// The data are not of the size that type and shape have, or hold too many strings.
pub(super) fn decode(
    name: &str,
    dtype: DType,
    shape: Shape,
    data: Bytes,
    limits: &Limits,
) -> Result<Tensor, ServiceError> {
    let wrong_size = |expected: usize| {
        let (name, actual) = (shown(name), data.len());
        ServiceError::invalid_argument(format!(
            "input byte size mismatch for input '{name}', expected {expected} bytes, got {actual}"
        ))
    };
    match dtype {
        DType::String => Ok(Tensor::from_strings(shape.clone(), strings(name, &shape, data, limits)?)?),
        DType::Bool if data.iter().any(|&byte| byte > 1) => {
            let name = shown(name);
            let text = format!("input '{name}' of type BOOL has bytes other than 0 and 1");
            Err(ServiceError::invalid_argument(text))
        }
        _ => match shape.size_bytes(dtype) {
            Some(size) if size != data.len() => Err(wrong_size(size)),
            _ => Ok(Tensor::from_bytes(dtype, shape, data)?),
        },
    }
}

fn strings(name: &str, shape: &Shape, mut data: Bytes, limits: &Limits) -> Result<Vec<Bytes>, ServiceError> {
    let count = shape.num_elements();
    if count > limits.max_strings {
        let text =
            format!("input '{}' has {count} strings, expected at most {}", shown(name), limits.max_strings);
        return Err(ServiceError::new(ErrorCode::TooLarge, text));
    }
    let wrong = || {
        let text = format!("input '{}' does not hold the {count} strings of its shape", shown(name));
        ServiceError::invalid_argument(text)
    };
    // A string takes four bytes at least, so that the count is bounded by what was received.
    if count > data.len() / 4 {
        return Err(wrong());
    }
    let mut strings = Vec::with_capacity(count);
    for _ in 0..count {
        if data.remaining() < 4 {
            return Err(wrong());
        }
        let length = usize::try_from(data.get_u32_le()).ok().filter(|&length| length <= data.remaining());
        strings.push(data.split_to(length.ok_or_else(wrong)?));
    }
    if data.has_remaining() { Err(wrong()) } else { Ok(strings) }
}

/// The bytes of `tensor`; shared but for strings.
pub(super) fn encode(tensor: &Tensor) -> Result<Bytes, ServiceError> {
    if let Some(bytes) = tensor.bytes() {
        return Ok(bytes.clone());
    }
    let strings = tensor.strings().unwrap_or_default();
    let mut data = BytesMut::with_capacity(strings.iter().map(|string| string.len() + 4).sum());
    for string in strings {
        let length = u32::try_from(string.len()).map_err(|_| {
            ServiceError::new(ErrorCode::TooLarge, "an output holds a string of more than 4 GiB")
        })?;
        data.put_u32_le(length);
        data.extend_from_slice(string);
    }
    Ok(data.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    #[test]
    fn strings_come_back_as_they_went() {
        let strings: Vec<Bytes> = ["", "a", "\0\u{ff}"].map(|text| Bytes::from(text.as_bytes())).to_vec();
        let tensor = Tensor::from_strings(shape(&[3]), strings).unwrap();
        let data = encode(&tensor).unwrap();
        assert_eq!(decode("x", DType::String, shape(&[3]), data, &Limits::default()).unwrap(), tensor);
    }

    #[test]
    fn data_that_do_not_fit_are_errors() {
        let limits = Limits { max_strings: 4, ..Limits::default() };
        let cases: [(DType, &[usize], &[u8], &str); 9] = [
            (DType::F32, &[2], &[0; 7], "expected 8 bytes, got 7"),
            (DType::F32, &[2], &[0; 9], "expected 8 bytes, got 9"),
            (DType::I64, &[1 << 40], &[0; 8], "bytes, got 8"),
            (DType::Bool, &[1], &[2], "bytes other than 0 and 1"),
            (DType::String, &[1], &[1, 0, 0, 0], "does not hold the 1 strings"),
            (DType::String, &[1], &[255, 255, 255, 255, 0], "does not hold the 1 strings"),
            (DType::String, &[1], &[0, 0, 0, 0, 0], "does not hold the 1 strings"),
            (DType::String, &[2], &[0, 0, 0, 0], "does not hold the 2 strings"),
            (DType::String, &[5], &[0; 20], "expected at most 4"),
        ];
        for (dtype, dims, data, expected) in cases {
            let data = Bytes::copy_from_slice(data);
            let error = decode("x", dtype, shape(dims), data, &limits).unwrap_err();
            assert!(error.message().contains(expected), "{dtype} {dims:?}: {error}");
        }
    }

    #[test]
    fn numbers_are_not_copied() {
        let data = Bytes::from(vec![0_u8; 64]);
        let start = data.as_ptr();
        let tensor = decode("x", DType::F32, shape(&[16]), data, &Limits::default()).unwrap();
        assert_eq!(encode(&tensor).unwrap().as_ptr(), start);
    }
}
