//! The request message, without a copy where tensors are raw.

use bytes::Bytes;
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::{DType, Element, MAX_RANK, Shape, Tensor};

use super::super::infer::{OipBackend, OipRequest, WantedOutput, take_place};
use super::super::parameter::{Parameter, Parameters, RequestOptions, SEQUENCE_ID};
use super::super::{datatype, raw, shown};
use crate::Limits;
use crate::proto::inference::infer_parameter::ParameterChoice;
use crate::proto::inference::model_infer_request::InferInputTensor;
use crate::proto::inference::{InferParameter, InferTensorContents, ModelInferRequest};

/// What `message` asks for.
///
/// # Errors
/// A tensor is not what its type and shape say, or a parameter means nothing.
pub(super) fn decode(backend: &OipBackend, message: ModelInferRequest) -> Result<OipRequest, ServiceError> {
    let limits = &backend.backend.limits;
    if message.inputs.len() > limits.max_tensors || message.outputs.len() > limits.max_tensors {
        let text = format!("request has more than {} inputs or outputs", limits.max_tensors);
        return Err(ServiceError::invalid_argument(text));
    }
    let options = RequestOptions::take(&mut parameters(message.parameters))?;
    let has_raw = !message.raw_input_contents.is_empty();
    let mut raw_contents = message.raw_input_contents.into_iter();
    let mut inputs = Vec::with_capacity(message.inputs.len());
    for input in message.inputs {
        inputs.push(decode_input(backend, input, has_raw, &mut raw_contents)?);
    }
    let left = raw_contents.count();
    if left > 0 {
        let (count, expected) = (inputs.len() + left, inputs.len());
        let text = format!("request has {count} raw input contents for {expected} inputs");
        return Err(ServiceError::invalid_argument(text));
    }
    let output = |output: crate::proto::inference::model_infer_request::InferRequestedOutputTensor| {
        WantedOutput::take(output.name, &mut parameters(output.parameters))
    };
    let outputs = message.outputs.into_iter().map(output).collect::<Result<_, _>>()?;
    Ok(OipRequest { id: message.id, inputs, outputs, options, ..OipRequest::default() })
}

fn decode_input(
    backend: &OipBackend,
    input: InferInputTensor,
    has_raw: bool,
    raw_contents: &mut impl Iterator<Item = Bytes>,
) -> Result<NamedTensor, ServiceError> {
    let InferInputTensor { name, datatype, shape, parameters: given, contents } = input;
    let limits = &backend.backend.limits;
    let dtype = datatype::from_wire(&datatype, &name)?;
    let shape = decode_shape(&name, &shape)?;
    let mut given = parameters(given);
    let place = take_place(&mut given)?;
    given.expect_empty(&format!("input '{}'", shown(&name)))?;
    let tensor = match (place, contents) {
        (Some(_), Some(_)) => {
            let text = format!("unexpected 'content' for '{}', which is in shared memory", shown(&name));
            return Err(ServiceError::invalid_argument(text));
        }
        (Some(place), None) => raw::decode(&name, dtype, shape, backend.read_place(&place)?, limits)?,
        (None, Some(_)) if has_raw => {
            let text = format!(
                "contents field must not be specified when using raw_input_contents for '{}'",
                shown(&name)
            );
            return Err(ServiceError::invalid_argument(text));
        }
        (None, Some(contents)) => decode_contents(&name, dtype, shape, contents, limits)?,
        (None, None) => match raw_contents.next() {
            Some(data) => raw::decode(&name, dtype, shape, data, limits)?,
            // No contents are the contents of a tensor without elements.
            None if !has_raw => decode_contents(&name, dtype, shape, InferTensorContents::default(), limits)?,
            None => {
                let text = format!("request has no raw input contents for input '{}'", shown(&name));
                return Err(ServiceError::invalid_argument(text));
            }
        },
    };
    Ok(NamedTensor { name, tensor })
}

pub(in super::super) fn decode_shape(name: &str, dims: &[i64]) -> Result<Shape, ServiceError> {
    // Past the largest rank the error is the same for any length.
    let dims = dims.get(..dims.len().min(MAX_RANK + 1)).unwrap_or_default();
    Shape::from_i64(dims).map_err(|error| {
        ServiceError::invalid_argument(format!("invalid shape for input '{}': {error}", shown(name)))
    })
}

fn decode_contents(
    name: &str,
    dtype: DType,
    shape: Shape,
    contents: InferTensorContents,
    limits: &Limits,
) -> Result<Tensor, ServiceError> {
    let lengths = list_lengths(&contents);
    if let Some((list, _)) =
        lengths.iter().find(|(list, length)| *length > 0 && Some(*list) != list_of(dtype))
    {
        return Err(ServiceError::invalid_argument(format!(
            "input '{}' of type {} has values in '{list}'",
            shown(name),
            datatype::to_wire(dtype)
        )));
    }
    let actual: usize = lengths.iter().map(|(_, length)| length).sum();
    if actual != shape.num_elements() {
        return Err(ServiceError::invalid_argument(format!(
            "input '{}' has {actual} values, expected {} for its shape",
            shown(name),
            shape.num_elements()
        )));
    }
    Ok(match dtype {
        DType::Bool => Tensor::from_bools(shape, contents.bool_contents)?,
        DType::I8 => narrow::<i32, i8>(name, shape, &contents.int_contents)?,
        DType::I16 => narrow::<i32, i16>(name, shape, &contents.int_contents)?,
        DType::I32 => Tensor::from_vec(shape, contents.int_contents)?,
        DType::I64 => Tensor::from_vec(shape, contents.int64_contents)?,
        DType::U8 => narrow::<u32, u8>(name, shape, &contents.uint_contents)?,
        DType::U16 => narrow::<u32, u16>(name, shape, &contents.uint_contents)?,
        DType::U32 => Tensor::from_vec(shape, contents.uint_contents)?,
        DType::U64 => Tensor::from_vec(shape, contents.uint64_contents)?,
        DType::F32 => Tensor::from_vec(shape, contents.fp32_contents)?,
        DType::F64 => Tensor::from_vec(shape, contents.fp64_contents)?,
        DType::String if actual > limits.max_strings => {
            let text = format!("input '{}' has more than {} strings", shown(name), limits.max_strings);
            return Err(ServiceError::new(wharf_infer::ErrorCode::TooLarge, text));
        }
        DType::String => Tensor::from_strings(shape, contents.bytes_contents)?,
        DType::F16 | DType::BF16 => {
            let text = format!(
                "input '{}' of type {} has no typed contents, expected raw_input_contents",
                shown(name),
                datatype::to_wire(dtype)
            );
            return Err(ServiceError::invalid_argument(text));
        }
    })
}

fn narrow<W: Copy, T: Element + TryFrom<W>>(
    name: &str,
    shape: Shape,
    values: &[W],
) -> Result<Tensor, ServiceError> {
    let fits = |&value: &W| {
        T::try_from(value).map_err(|_| {
            let dtype = datatype::to_wire(T::DTYPE);
            ServiceError::invalid_argument(format!("input '{}' has a value past {dtype}", shown(name)))
        })
    };
    Ok(Tensor::from_vec(shape, values.iter().map(fits).collect::<Result<Vec<T>, _>>()?)?)
}

/// The list that carries `dtype`; the half types have none.
const fn list_of(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::Bool => "bool_contents",
        DType::I8 | DType::I16 | DType::I32 => "int_contents",
        DType::I64 => "int64_contents",
        DType::U8 | DType::U16 | DType::U32 => "uint_contents",
        DType::U64 => "uint64_contents",
        DType::F32 => "fp32_contents",
        DType::F64 => "fp64_contents",
        DType::String => "bytes_contents",
        DType::F16 | DType::BF16 => return None,
    })
}

fn list_lengths(contents: &InferTensorContents) -> [(&'static str, usize); 8] {
    [
        ("bool_contents", contents.bool_contents.len()),
        ("int_contents", contents.int_contents.len()),
        ("int64_contents", contents.int64_contents.len()),
        ("uint_contents", contents.uint_contents.len()),
        ("uint64_contents", contents.uint64_contents.len()),
        ("fp32_contents", contents.fp32_contents.len()),
        ("fp64_contents", contents.fp64_contents.len()),
        ("bytes_contents", contents.bytes_contents.len()),
    ]
}

fn parameters(map: impl IntoIterator<Item = (String, InferParameter)>) -> Parameters {
    let value = |name: &str, parameter: InferParameter| match parameter.parameter_choice {
        Some(ParameterChoice::BoolParam(value)) => Some(Parameter::Bool(value)),
        // Clients have no other field for ids with the highest bit set.
        Some(ParameterChoice::Int64Param(value)) if name == SEQUENCE_ID => {
            Some(Parameter::Uint(value.cast_unsigned()))
        }
        Some(ParameterChoice::Int64Param(value)) => Some(Parameter::Int(value)),
        Some(ParameterChoice::Uint64Param(value)) => Some(Parameter::Uint(value)),
        Some(ParameterChoice::DoubleParam(value)) => Some(Parameter::Double(value)),
        Some(ParameterChoice::StringParam(value)) => Some(Parameter::String(value)),
        None => None,
    };
    let named = |(name, parameter): (String, _)| {
        let value = value(&name, parameter)?;
        Some((name, value))
    };
    Parameters(map.into_iter().filter_map(named).collect())
}
