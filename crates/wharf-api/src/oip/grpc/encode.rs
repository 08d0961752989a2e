//! The reply message: raw, like every reply of Triton's.

use wharf_infer::ServiceError;

use super::super::infer::OipAnswer;
use super::super::{datatype, raw};
use crate::proto::inference::infer_parameter::ParameterChoice;
use crate::proto::inference::model_infer_response::InferOutputTensor;
use crate::proto::inference::{InferParameter, ModelInferResponse};

/// The message of an answer. Numbers are shared, not copied.
///
/// # Errors
/// A string is longer than the wire can say.
pub(super) fn encode(answer: OipAnswer) -> Result<ModelInferResponse, ServiceError> {
    let mut response = ModelInferResponse {
        model_name: answer.model,
        model_version: answer.version.to_string(),
        id: answer.id,
        ..ModelInferResponse::default()
    };
    for output in answer.outputs {
        let mut message = InferOutputTensor {
            name: output.name,
            datatype: datatype::to_wire(output.tensor.dtype()).to_owned(),
            shape: output.tensor.shape().to_i64(),
            ..InferOutputTensor::default()
        };
        match output.place {
            None => response.raw_output_contents.push(raw::encode(&output.tensor)?),
            Some((place, size)) => {
                let offset = i64::try_from(place.offset).unwrap_or(i64::MAX);
                message.parameters = [
                    (
                        "shared_memory_region".to_owned(),
                        parameter(ParameterChoice::StringParam(place.region)),
                    ),
                    (
                        "shared_memory_byte_size".to_owned(),
                        parameter(ParameterChoice::Int64Param(size as i64)),
                    ),
                    ("shared_memory_offset".to_owned(), parameter(ParameterChoice::Int64Param(offset))),
                ]
                .into();
                response.raw_output_contents.push(bytes::Bytes::new());
            }
        }
        response.outputs.push(message);
    }
    Ok(response)
}

pub(super) fn parameter(choice: ParameterChoice) -> InferParameter {
    InferParameter { parameter_choice: Some(choice) }
}
