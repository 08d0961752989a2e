//! Tensors as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wharf_tensor::{DType, Tensor, TensorError};

use crate::LoadError;

/// How the two protocols write tensors.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    /// TensorFlow Serving: lists as deep as the shape, strings in base64.
    Nested,
    /// Open Inference Protocol: one list, strings as they are.
    Flat,
}

/// Writes the elements of `tensor`.
pub(super) fn write_tensor(text: &mut String, tensor: &Tensor, flavour: Flavour) -> Result<(), LoadError> {
    let elements = elements(tensor, flavour)?;
    let flat = [elements.len()];
    let dims = if flavour == Flavour::Nested { tensor.shape().dims() } else { &flat };
    nest(text, dims, &elements);
    Ok(())
}

/// A JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes `elements` as lists nested to the depth of `dims`.
fn nest(text: &mut String, dims: &[usize], elements: &[String]) {
    let Some((&size, inner)) = dims.split_first() else {
        text.push_str(elements.first().map_or("", String::as_str));
        return;
    };
    text.push('[');
    let stride = elements.len() / size.max(1);
    for index in 0..size {
        if index > 0 {
            text.push(',');
        }
        nest(text, inner, elements.get(index * stride..(index + 1) * stride).unwrap_or_default());
    }
    text.push(']');
}

fn elements(tensor: &Tensor, flavour: Flavour) -> Result<Vec<String>, LoadError> {
    let numbers = match tensor.dtype() {
        DType::Bool => {
            return Ok(tensor.bytes().into_iter().flatten().map(|&byte| (byte != 0).to_string()).collect());
        }
        DType::String => return strings(tensor, flavour),
        dtype @ (DType::F16 | DType::BF16) => {
            return Err(LoadError::request(format!("{dtype} cannot be sent as JSON")));
        }
        DType::U8 => texts::<u8>(tensor),
        DType::U16 => texts::<u16>(tensor),
        DType::U32 => texts::<u32>(tensor),
        DType::U64 => texts::<u64>(tensor),
        DType::I8 => texts::<i8>(tensor),
        DType::I16 => texts::<i16>(tensor),
        DType::I32 => texts::<i32>(tensor),
        DType::I64 => texts::<i64>(tensor),
        DType::F32 => texts::<f32>(tensor),
        DType::F64 => texts::<f64>(tensor),
    };
    numbers.map_err(|error| LoadError::request(error.to_string()))
}

fn texts<T: wharf_tensor::Element + ToString>(tensor: &Tensor) -> Result<Vec<String>, TensorError> {
    Ok(tensor.as_elements::<T>()?.iter().map(T::to_string).collect())
}

fn strings(tensor: &Tensor, flavour: Flavour) -> Result<Vec<String>, LoadError> {
    let write = |string: &bytes::Bytes| match flavour {
        Flavour::Nested => Ok(format!("{{\"b64\":\"{}\"}}", STANDARD.encode(string))),
        Flavour::Flat => std::str::from_utf8(string)
            .map(quoted)
            .map_err(|_| LoadError::request("a string that is not UTF-8 cannot be sent as JSON")),
    };
    tensor.strings().unwrap_or_default().iter().map(write).collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wharf_tensor::Shape;

    use super::*;

    fn written(tensor: &Tensor, flavour: Flavour) -> Result<String, String> {
        let mut text = String::new();
        write_tensor(&mut text, tensor, flavour).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn elements_are_written_by_their_type() {
        let shape = || Shape::new(&[2]).unwrap();
        let string =
            |bytes: &'static [u8]| Tensor::from_strings(shape(), vec![Bytes::from_static(bytes); 2]).unwrap();
        for (tensor, nested, flat) in [
            (Tensor::from_vec(shape(), vec![0.5_f64, -1.0]).unwrap(), Ok("[0.5,-1]"), Ok("[0.5,-1]")),
            (
                Tensor::from_vec(shape(), vec![u64::MAX, 0]).unwrap(),
                Ok("[18446744073709551615,0]"),
                Ok("[18446744073709551615,0]"),
            ),
            (Tensor::from_bools(shape(), vec![true, false]).unwrap(), Ok("[true,false]"), Ok("[true,false]")),
            (string(b"a"), Ok(r#"[{"b64":"YQ=="},{"b64":"YQ=="}]"#), Ok(r#"["a","a"]"#)),
            (
                string(b"\xff"),
                Ok(r#"[{"b64":"/w=="},{"b64":"/w=="}]"#),
                Err("a string that is not UTF-8 cannot be sent as JSON"),
            ),
            (
                Tensor::from_vec(shape(), vec![half::f16::ONE; 2]).unwrap(),
                Err("float16 cannot be sent as JSON"),
                Err("float16 cannot be sent as JSON"),
            ),
        ] {
            assert_eq!(
                written(&tensor, Flavour::Nested).as_deref(),
                nested.map_err(str::to_owned).as_deref()
            );
            assert_eq!(written(&tensor, Flavour::Flat).as_deref(), flat.map_err(str::to_owned).as_deref());
        }
    }

    #[test]
    fn a_scalar_is_no_list_where_lists_nest() {
        let tensor = Tensor::from_vec(Shape::scalar(), vec![7_i32]).unwrap();
        assert_eq!(written(&tensor, Flavour::Nested).unwrap(), "7");
        assert_eq!(written(&tensor, Flavour::Flat).unwrap(), "[7]");
    }
}
