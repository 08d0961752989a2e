//! The Open Inference Protocol's wires.

use bytes::{BufMut, Bytes, BytesMut};
use wharf_tensor::Tensor;

use super::json::{Flavour, quoted, write_tensor};
use super::messages::{InferInputTensor, InferRequestedOutputTensor, ModelInferRequest};
use super::{Call, Request, grpc_call, json_call};
use crate::LoadError;

/// Says where the JSON of a body ends and its tensors begin.
const HEADER_LENGTH: &str = "inference-header-content-length";

pub(super) fn grpc(request: &Request<'_>) -> Result<Call, LoadError> {
    check_signature(request)?;
    let input = |(name, tensor): &(String, Tensor)| InferInputTensor {
        name: name.clone(),
        datatype: tensor.dtype().open_inference_name().to_owned(),
        shape: tensor.shape().to_i64(),
    };
    let output = |name: &String| InferRequestedOutputTensor { name: name.clone() };
    let message = ModelInferRequest {
        model_name: request.model.to_owned(),
        model_version: request.version.map(|version| version.to_string()).unwrap_or_default(),
        inputs: request.inputs.iter().map(input).collect(),
        outputs: request.outputs.iter().map(output).collect(),
        raw_input_contents: request.inputs.iter().map(|(_, tensor)| raw(tensor)).collect::<Result<_, _>>()?,
    };
    grpc_call("/inference.GRPCInferenceService/ModelInfer", &message)
}

pub(super) fn rest_json(request: &Request<'_>) -> Result<Call, LoadError> {
    check_signature(request)?;
    let mut body = "{\"inputs\":[".to_owned();
    for (index, (name, tensor)) in request.inputs.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        body.push_str(&format!("{separator}{{{},\"data\":", head_of(name, tensor)));
        write_tensor(&mut body, tensor, Flavour::Flat)?;
        body.push('}');
    }
    body.push_str(&format!("]{}}}", wanted_outputs(request.outputs)));
    Ok(json_call(path(request), body))
}

pub(super) fn rest_binary(request: &Request<'_>) -> Result<Call, LoadError> {
    check_signature(request)?;
    let tensors: Vec<Bytes> =
        request.inputs.iter().map(|(_, tensor)| raw(tensor)).collect::<Result<_, _>>()?;
    let inputs: Vec<String> = request
        .inputs
        .iter()
        .zip(&tensors)
        .map(|((name, tensor), raw)| {
            let head = head_of(name, tensor);
            format!("{{{head},\"parameters\":{{\"binary_data_size\":{}}}}}", raw.len())
        })
        .collect();
    let header = format!(
        "{{\"inputs\":[{}],\"parameters\":{{\"binary_data_output\":true}}{}}}",
        inputs.join(","),
        wanted_outputs(request.outputs)
    );
    let mut body = BytesMut::with_capacity(header.len() + tensors.iter().map(Bytes::len).sum::<usize>());
    body.put_slice(header.as_bytes());
    tensors.iter().for_each(|tensor| body.put_slice(tensor));
    let headers = vec![
        ("content-type", "application/octet-stream".to_owned()),
        (HEADER_LENGTH, header.len().to_string()),
    ];
    Ok(Call { is_grpc: false, path: path(request), headers, body: body.freeze() })
}

/// The protocol has no signatures; a server takes its default.
fn check_signature(request: &Request<'_>) -> Result<(), LoadError> {
    match request.signature {
        Some(name) if name != "serving_default" => {
            Err(LoadError::request(format!("the Open Inference Protocol cannot name signature `{name}`")))
        }
        _ => Ok(()),
    }
}

fn path(request: &Request<'_>) -> String {
    let version = request.version.map(|version| format!("/versions/{version}")).unwrap_or_default();
    format!("/v2/models/{}{version}/infer", request.model)
}

/// Name, type and shape of an input, without braces.
fn head_of(name: &str, tensor: &Tensor) -> String {
    let shape: Vec<String> = tensor.shape().dims().iter().map(usize::to_string).collect();
    let datatype = tensor.dtype().open_inference_name();
    format!("\"name\":{},\"datatype\":\"{datatype}\",\"shape\":[{}]", quoted(name), shape.join(","))
}

/// The outputs asked for, with a comma before them; nothing where all are wanted.
fn wanted_outputs(outputs: &[String]) -> String {
    if outputs.is_empty() {
        return String::new();
    }
    let outputs: Vec<String> = outputs.iter().map(|name| format!("{{\"name\":{}}}", quoted(name))).collect();
    format!(",\"outputs\":[{}]", outputs.join(","))
}

/// Little-endian elements; strings each with their length before them.
fn raw(tensor: &Tensor) -> Result<Bytes, LoadError> {
    if let Some(bytes) = tensor.bytes() {
        return Ok(bytes.clone());
    }
    let mut raw = BytesMut::new();
    for string in tensor.strings().unwrap_or_default() {
        let length = u32::try_from(string.len());
        raw.put_u32_le(length.map_err(|_| LoadError::request("a string is past what the wire holds"))?);
        raw.put_slice(string);
    }
    Ok(raw.freeze())
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use wharf_tensor::Shape;

    use super::*;

    fn inputs() -> Vec<(String, Tensor)> {
        let tensor = Tensor::from_vec(Shape::new(&[1, 2]).unwrap(), vec![1.5_f32, -2.0]).unwrap();
        let strings =
            Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![Bytes::from_static(b"ab")]).unwrap();
        vec![("x".to_owned(), tensor), ("s".to_owned(), strings)]
    }

    #[test]
    fn grpc_tensors_are_raw() {
        let outputs = ["y".to_owned()];
        let inputs = inputs();
        let request =
            Request { model: "m", version: Some(2), signature: None, inputs: &inputs, outputs: &outputs };
        let message = ModelInferRequest::decode(grpc(&request).unwrap().body.slice(5..)).unwrap();
        assert_eq!((message.model_name.as_str(), message.model_version.as_str()), ("m", "2"));
        assert_eq!(
            (message.inputs[0].datatype.as_str(), &message.inputs[0].shape[..]),
            ("FP32", &[1, 2][..])
        );
        assert_eq!(message.raw_input_contents[0], *inputs[0].1.bytes().unwrap());
        assert_eq!(message.raw_input_contents[1], b"\x02\0\0\0ab"[..]);
        assert_eq!(message.outputs[0].name, "y");
    }

    #[test]
    fn json_bodies_are_flat() {
        let inputs = inputs();
        let request = Request {
            model: "m",
            version: None,
            signature: Some("serving_default"),
            inputs: &inputs,
            outputs: &["y".to_owned()],
        };
        let call = rest_json(&request).unwrap();
        assert_eq!(call.path, "/v2/models/m/infer");
        let expected = concat!(
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1.5,-2]},"#,
            r#"{"name":"s","datatype":"BYTES","shape":[1],"data":["ab"]}],"outputs":[{"name":"y"}]}"#
        );
        assert_eq!(call.body, expected);
    }

    #[test]
    fn binary_bodies_say_where_the_json_ends() {
        let inputs = inputs();
        let request = Request { model: "m", version: None, signature: None, inputs: &inputs, outputs: &[] };
        let call = rest_binary(&request).unwrap();
        let length: usize = call.headers[1].1.parse().unwrap();
        let header: serde_json::Value = serde_json::from_slice(&call.body[..length]).unwrap();
        assert_eq!(header["inputs"][0]["parameters"]["binary_data_size"], 8);
        assert_eq!(header["parameters"]["binary_data_output"], true);
        assert_eq!(call.body.len() - length, 8 + 6);
    }

    #[test]
    fn signatures_other_than_the_default_are_refused() {
        let request =
            Request { model: "m", version: None, signature: Some("float"), inputs: &[], outputs: &[] };
        for result in [grpc(&request), rest_json(&request), rest_binary(&request)] {
            let text = result.unwrap_err().to_string();
            assert_eq!(text, "the Open Inference Protocol cannot name signature `float`");
        }
    }
}
