//! The body of an infer request: JSON, JSON with raw tensors behind it, or one raw tensor alone.

use bytes::Bytes;
use http::HeaderMap;
use wharf_bundle::Signature;
use wharf_infer::{ErrorCode, NamedTensor, ServiceError};
use wharf_tensor::{DType, Dim, Shape, Tensor};

use super::super::grpc::decode_shape;
use super::super::infer::{OipBackend, OipRequest, WantedOutput, take_place};
use super::super::parameter::RequestOptions;
use super::super::{datatype, raw, shown};
use super::header::{self, InputHeader};
use crate::json::{Buffer, Scanner};

/// The header that says how much of a body is JSON.
pub(super) const JSON_LENGTH: &str = "inference-header-content-length";

/// How much of the body is JSON; `None` where the client does not say, and all of it is.
///
/// # Errors
/// The header is no number.
pub(crate) fn json_length(headers: &HeaderMap) -> Result<Option<usize>, ServiceError> {
    let Some(value) = headers.get(JSON_LENGTH) else { return Ok(None) };
    let digits = value.to_str().ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok());
    let wrong = || ServiceError::invalid_argument(format!("header `{JSON_LENGTH}` is no length"));
    length.map(Some).ok_or_else(wrong)
}

/// What `body` asks for.
///
/// # Errors
/// The body is not as the protocol says, or does not fit the signature of its raw tensor.
pub(super) fn decode(
    backend: &OipBackend,
    signature: &Signature,
    body: &Bytes,
    json_length: Option<usize>,
) -> Result<OipRequest, ServiceError> {
    if json_length == Some(0) {
        return raw_request(backend, signature, body);
    }
    let length = json_length.unwrap_or(body.len());
    if length > body.len() {
        let text = format!("header `{JSON_LENGTH}` is {length}, past the {} bytes of the body", body.len());
        return Err(ServiceError::invalid_argument(text));
    }
    let (text, mut behind) = (body.slice(..length), body.slice(length..));
    let mut header = header::read(&text, backend.backend.limits.max_tensors)?;
    let all_binary = header.parameters.take_bool("binary_data_output")?;
    let options = RequestOptions::take(&mut header.parameters)?;
    let mut inputs = Vec::with_capacity(header.inputs.len());
    for input in header.inputs {
        inputs.push(decode_input(backend, input, &text, &mut behind)?);
    }
    if !behind.is_empty() {
        let text = format!("{} bytes behind the inputs belong to none of them", behind.len());
        return Err(ServiceError::invalid_argument(text));
    }
    let mut outputs = Vec::with_capacity(header.outputs.len());
    for (name, mut parameters) in header.outputs {
        let mut output = WantedOutput::take(name, &mut parameters)?;
        output.is_binary = output.is_binary.or(all_binary);
        outputs.push(output);
    }
    Ok(OipRequest { id: header.id, inputs, outputs, all_binary: all_binary == Some(true), options })
}

fn decode_input(
    backend: &OipBackend,
    mut input: InputHeader,
    text: &Bytes,
    behind: &mut Bytes,
) -> Result<NamedTensor, ServiceError> {
    let name = input.name;
    let dtype = datatype::from_wire(&input.datatype, &name)?;
    let shape = decode_shape(&name, &input.shape)?;
    let limits = &backend.backend.limits;
    let binary_size = input.parameters.take_uint("binary_data_size")?;
    let place = take_place(&mut input.parameters)?;
    input.parameters.expect_empty(&format!("input '{}'", shown(&name)))?;
    let tensor = match (place, binary_size, input.data_at) {
        (Some(place), None, None) => raw::decode(&name, dtype, shape, backend.read_place(&place)?, limits)?,
        (None, Some(size), None) => {
            let size = usize::try_from(size).ok().filter(|&size| size <= behind.len());
            let Some(size) = size else {
                let text = format!("input '{}' is larger than what follows the JSON", shown(&name));
                return Err(ServiceError::invalid_argument(text));
            };
            raw::decode(&name, dtype, shape, behind.split_to(size), limits)?
        }
        (None, None, Some(at)) => from_json(&name, dtype, &shape, text, at)?,
        (None, None, None) => {
            let text = format!("input '{}' has no 'data'", shown(&name));
            return Err(ServiceError::invalid_argument(text));
        }
        _ => {
            let text = format!("input '{}' has its data in more than one place", shown(&name));
            return Err(ServiceError::invalid_argument(text));
        }
    };
    Ok(NamedTensor { name, tensor })
}

/// Data in JSON, flat or nested as the shape is.
fn from_json(
    name: &str,
    dtype: DType,
    shape: &Shape,
    text: &Bytes,
    at: usize,
) -> Result<Tensor, ServiceError> {
    let mut buffer = match dtype {
        // The reader of the other wire has no 16-bit unsigned integers; these are read as wider ones.
        DType::U16 => Buffer::new(DType::U32)?,
        dtype => Buffer::new(dtype).map_err(|_| no_json(name, dtype))?,
    };
    let mut scanner = Scanner::new(text);
    scanner.rewind(at);
    let item = buffer.read_item(&mut scanner).map_err(|error| {
        ServiceError::new(error.code(), format!("input '{}': {}", shown(name), error.message()))
    })?;
    let is_nested = item.dims().len() > 1;
    if buffer.len() != shape.num_elements() || (is_nested && item.dims() != shape.dims()) {
        return Err(ServiceError::invalid_argument(format!(
            "input '{}' has data of shape {:?}, expected {} or {} values in one list",
            shown(name),
            item.dims(),
            shape,
            shape.num_elements()
        )));
    }
    let tensor = buffer.into_tensor(shape.dims())?;
    if dtype != DType::U16 {
        return Ok(tensor);
    }
    let narrow = |value: u32| {
        let text =
            || ServiceError::invalid_argument(format!("input '{}' has a value past UINT16", shown(name)));
        u16::try_from(value).map_err(|_| text())
    };
    let values = tensor.to_vec::<u32>()?.into_iter().map(narrow).collect::<Result<_, _>>()?;
    Ok(Tensor::from_vec(shape.clone(), values)?)
}

fn no_json(name: &str, dtype: DType) -> ServiceError {
    ServiceError::invalid_argument(format!(
        "receiving {} data via JSON is not supported. Please use the binary data format for input {}",
        datatype::to_wire(dtype),
        shown(name)
    ))
}

/// A body that is one tensor: its type and shape are the model's.
fn raw_request(
    backend: &OipBackend,
    signature: &Signature,
    body: &Bytes,
) -> Result<OipRequest, ServiceError> {
    let [input] = signature.inputs.as_slice() else {
        return Err(ServiceError::invalid_argument(format!(
            "Raw request must only have 1 input (found 1) to be deduced but got {} inputs in the model",
            signature.inputs.len()
        )));
    };
    let (name, dtype) = (&input.spec.name, input.spec.dtype);
    let dims = input.spec.shape.dims();
    let tensor = if dtype == DType::String {
        if !matches!(dims, [Dim::Dynamic | Dim::Fixed(1)]) {
            let text = format!("For BYTE datatype raw input '{name}', the model must have input shape [1]");
            return Err(ServiceError::invalid_argument(text));
        }
        Tensor::from_strings(Shape::new(&[1])?, vec![body.clone()])?
    } else {
        let shape = deduced(name, dtype, dims, body.len())?;
        raw::decode(name, dtype, shape, body.clone(), &backend.backend.limits)?
    };
    let inputs = vec![NamedTensor { name: name.clone(), tensor }];
    Ok(OipRequest { inputs, all_binary: true, ..OipRequest::default() })
}

/// The shape of so many bytes, of which one dimension may be free.
fn deduced(name: &str, dtype: DType, dims: &[Dim], size: usize) -> Result<Shape, ServiceError> {
    if dims.iter().filter(|dim| **dim == Dim::Dynamic).count() > 1 {
        let text = format!(
            "The shape of Raw input '{name}' can not be deduced because there are more than one variable-sized dimension"
        );
        return Err(ServiceError::invalid_argument(text));
    }
    let fixed = dims.iter().filter_map(|dim| match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Dynamic => None,
    });
    let row = fixed.chain(dtype.size_bytes()).try_fold(1_usize, usize::checked_mul);
    let row = row.ok_or_else(|| ServiceError::new(ErrorCode::Internal, "the model's input is too large"))?;
    let free = size.checked_div(row).unwrap_or(0);
    let dims: Vec<usize> = dims
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(size) => *size,
            Dim::Dynamic => free,
        })
        .collect();
    Ok(Shape::new(&dims)?)
}
