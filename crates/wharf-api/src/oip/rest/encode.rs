//! The body of an infer reply: JSON, with raw tensors behind it where the client wants them so.

use bytes::{Bytes, BytesMut};
use wharf_infer::ServiceError;
use wharf_tensor::DType;

use super::super::infer::{OipAnswer, OipOutput};
use super::super::{datatype, raw};
use crate::json::{Elements, StringForm, write_string};

/// A reply, and how much of it is JSON where not all is.
pub(super) struct Encoded {
    pub(super) body: Bytes,
    pub(super) json_length: Option<usize>,
}

/// The body of an answer.
///
/// # Errors
/// An output has no form in JSON, and was not asked for in another.
pub(super) fn encode(answer: &OipAnswer) -> Result<Encoded, ServiceError> {
    let mut json = Vec::new();
    json.extend_from_slice(b"{\"model_name\":");
    write_string(&mut json, answer.model.as_bytes());
    json.extend_from_slice(format!(",\"model_version\":\"{}\"", answer.version).as_bytes());
    if !answer.id.is_empty() {
        json.extend_from_slice(b",\"id\":");
        write_string(&mut json, answer.id.as_bytes());
    }
    json.extend_from_slice(b",\"outputs\":[");
    let mut raw_parts = Vec::new();
    for (place, output) in answer.outputs.iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        write_output(&mut json, output, &mut raw_parts)?;
    }
    json.extend_from_slice(b"]}");
    if raw_parts.is_empty() && answer.outputs.iter().all(|output| output.is_binary != Some(true)) {
        return Ok(Encoded { body: json.into(), json_length: None });
    }
    let json_length = json.len();
    let mut body = BytesMut::with_capacity(json_length + raw_parts.iter().map(Bytes::len).sum::<usize>());
    body.extend_from_slice(&json);
    raw_parts.iter().for_each(|part| body.extend_from_slice(part));
    Ok(Encoded { body: body.freeze(), json_length: Some(json_length) })
}

fn write_output(
    json: &mut Vec<u8>,
    output: &OipOutput,
    raw_parts: &mut Vec<Bytes>,
) -> Result<(), ServiceError> {
    let tensor = &output.tensor;
    json.extend_from_slice(b"{\"name\":");
    write_string(json, output.name.as_bytes());
    let dims: Vec<String> = tensor.shape().dims().iter().map(usize::to_string).collect();
    let datatype = datatype::to_wire(tensor.dtype());
    json.extend_from_slice(format!(",\"datatype\":\"{datatype}\",\"shape\":[{}]", dims.join(",")).as_bytes());
    if let Some((place, size)) = &output.place {
        json.extend_from_slice(b",\"parameters\":{\"shared_memory_region\":");
        write_string(json, place.region.as_bytes());
        let rest =
            format!(",\"shared_memory_byte_size\":{size},\"shared_memory_offset\":{}}}}}", place.offset);
        json.extend_from_slice(rest.as_bytes());
        return Ok(());
    }
    if output.is_binary == Some(true) {
        let data = raw::encode(tensor)?;
        json.extend_from_slice(
            format!(",\"parameters\":{{\"binary_data_size\":{}}}}}", data.len()).as_bytes(),
        );
        raw_parts.push(data);
        return Ok(());
    }
    if matches!(tensor.dtype(), DType::F16 | DType::BF16) {
        return Err(ServiceError::invalid_argument(format!(
            "sending {datatype} data via JSON is not supported. Please use the binary data format for output {}",
            output.name
        )));
    }
    json.extend_from_slice(b",\"data\":[");
    let elements = Elements::of(tensor, StringForm::Text)?;
    for index in 0..tensor.num_elements() {
        if index > 0 {
            json.push(b',');
        }
        elements.write(json, index);
    }
    json.extend_from_slice(b"]}");
    Ok(())
}
