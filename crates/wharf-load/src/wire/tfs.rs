//! TensorFlow Serving's two wires.

use wharf_tensor::{DType, Tensor};

use super::json::{Flavour, quoted, write_tensor};
use super::messages::{Dim, ModelSpec, PredictRequest, TensorProto, TensorShapeProto};
use super::{Call, Request, grpc_call, json_call};
use crate::LoadError;

pub(super) fn grpc(request: &Request<'_>) -> Result<Call, LoadError> {
    let version = request.version.map(i64::try_from).transpose();
    let version = version.map_err(|_| LoadError::request("the version is past what the wire holds"))?;
    let message = PredictRequest {
        model_spec: Some(ModelSpec {
            name: request.model.to_owned(),
            version,
            signature_name: request.signature.unwrap_or_default().to_owned(),
        }),
        inputs: request.inputs.iter().map(|(name, tensor)| (name.clone(), tensor_proto(tensor))).collect(),
        output_filter: request.outputs.to_vec(),
    };
    grpc_call("/tensorflow.serving.PredictionService/Predict", &message)
}

fn tensor_proto(tensor: &Tensor) -> TensorProto {
    let dim = tensor.shape().to_i64().into_iter().map(|size| Dim { size }).collect();
    TensorProto {
        dtype: data_type(tensor.dtype()),
        tensor_shape: Some(TensorShapeProto { dim }),
        tensor_content: tensor.bytes().cloned().unwrap_or_default(),
        string_val: tensor.strings().unwrap_or_default().to_vec(),
    }
}

/// The number in `tensorflow.DataType`.
fn data_type(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::F64 => 2,
        DType::I32 => 3,
        DType::U8 => 4,
        DType::I16 => 5,
        DType::I8 => 6,
        DType::String => 7,
        DType::I64 => 9,
        DType::Bool => 10,
        DType::BF16 => 14,
        DType::U16 => 17,
        DType::F16 => 19,
        DType::U32 => 22,
        DType::U64 => 23,
    }
}

pub(super) fn rest(request: &Request<'_>) -> Result<Call, LoadError> {
    let mut body = "{".to_owned();
    if let Some(signature) = request.signature {
        body.push_str(&format!("\"signature_name\":{},", quoted(signature)));
    }
    body.push_str("\"inputs\":{");
    for (index, (name, tensor)) in request.inputs.iter().enumerate() {
        let separator = if index == 0 { "" } else { "," };
        body.push_str(&format!("{separator}{}:", quoted(name)));
        write_tensor(&mut body, tensor, Flavour::Nested)?;
    }
    body.push_str("}}");
    let version = request.version.map(|version| format!("/versions/{version}")).unwrap_or_default();
    Ok(json_call(format!("/v1/models/{}{version}:predict", request.model), body))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use prost::Message;
    use wharf_tensor::Shape;

    use super::*;

    fn request(inputs: &[(String, Tensor)]) -> Request<'_> {
        Request { model: "m", version: Some(3), signature: Some("float"), inputs, outputs: &[] }
    }

    #[test]
    fn rest_bodies_nest_like_the_shape() {
        let tensor = Tensor::from_vec(Shape::new(&[2, 1, 2]).unwrap(), vec![1_u8, 2, 3, 4]).unwrap();
        let call = rest(&request(&[("x".to_owned(), tensor)])).unwrap();
        assert_eq!(call.path, "/v1/models/m/versions/3:predict");
        assert_eq!(call.body, r#"{"signature_name":"float","inputs":{"x":[[[1,2]],[[3,4]]]}}"#);
    }

    #[test]
    fn rest_bodies_carry_strings_as_base64() {
        let tensor =
            Tensor::from_strings(Shape::new(&[1]).unwrap(), vec![Bytes::from_static(b"a\"")]).unwrap();
        let call = rest(&Request { signature: None, version: None, ..request(&[("x".to_owned(), tensor)]) })
            .unwrap();
        assert_eq!(
            (call.path.as_str(), &call.body[..]),
            ("/v1/models/m:predict", &br#"{"inputs":{"x":[{"b64":"YSI="}]}}"#[..])
        );
    }

    #[test]
    fn grpc_messages_are_framed_and_read_back() {
        let tensor = Tensor::from_vec(Shape::new(&[1, 2]).unwrap(), vec![1.5_f32, -2.0]).unwrap();
        let call = grpc(&request(&[("x".to_owned(), tensor)])).unwrap();
        assert_eq!(call.body[0], 0);
        assert_eq!(u32::from_be_bytes(call.body[1..5].try_into().unwrap()) as usize, call.body.len() - 5);
        let message = PredictRequest::decode(call.body.slice(5..)).unwrap();
        let spec = message.model_spec.unwrap();
        assert_eq!((spec.name.as_str(), spec.version, spec.signature_name.as_str()), ("m", Some(3), "float"));
        let tensor = &message.inputs["x"];
        assert_eq!((tensor.dtype, tensor.tensor_content.len()), (1, 8));
        assert_eq!(tensor.tensor_shape.as_ref().unwrap().dim, [Dim { size: 1 }, Dim { size: 2 }]);
    }
}
