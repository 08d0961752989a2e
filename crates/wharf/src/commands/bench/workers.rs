//! One worker of each wire, with a connection of its own and its request encoded beforehand.

use bytes::Bytes;
use wharf_api::proto::tensorflow::serving::PredictRequest;
use wharf_api::proto::tensorflow::{DataType, TensorProto, TensorShapeProto, tensor_shape_proto};
use wharf_tensor::{DType, Tensor};

use super::load::Worker;
use super::request::json_numbers;
use crate::client::{GrpcClient, RestClient, model_spec_of};
use crate::model_name::ModelName;

/// Asks over gRPC.
pub(super) struct GrpcWorker {
    pub(super) client: GrpcClient,
    pub(super) request: PredictRequest,
}

impl Worker for GrpcWorker {
    async fn ask(&mut self) -> anyhow::Result<()> {
        self.client.predict(self.request.clone()).await.map(drop)
    }
}

/// Asks over REST.
pub(super) struct RestWorker {
    pub(super) client: RestClient,
    pub(super) path: String,
    pub(super) body: Bytes,
}

impl Worker for RestWorker {
    async fn ask(&mut self) -> anyhow::Result<()> {
        self.client.post(&self.path, self.body.clone()).await.map(drop)
    }
}

/// The request over gRPC, its tensors as raw bytes.
pub(super) fn grpc_request(
    model: &ModelName,
    signature: &str,
    inputs: &[(String, Tensor)],
    outputs: &[String],
) -> PredictRequest {
    let inputs = inputs.iter().map(|(name, tensor)| (name.clone(), tensor_proto(tensor))).collect();
    PredictRequest {
        model_spec: Some(model_spec_of(model, signature)),
        inputs,
        output_filter: outputs.to_vec(),
    }
}

fn tensor_proto(tensor: &Tensor) -> TensorProto {
    let dim = |size| tensor_shape_proto::Dim { size, name: String::new() };
    let dtype = if tensor.dtype() == DType::F32 { DataType::DtFloat } else { DataType::DtUint8 };
    TensorProto {
        dtype: dtype.into(),
        tensor_shape: Some(TensorShapeProto {
            dim: tensor.shape().to_i64().into_iter().map(dim).collect(),
            unknown_rank: false,
        }),
        tensor_content: tensor.bytes().cloned().unwrap_or_default(),
        ..TensorProto::default()
    }
}

/// The request over REST, in column form.
pub(super) fn rest_body(signature: &str, inputs: &[(String, Tensor)]) -> anyhow::Result<Bytes> {
    let mut text = format!("{{\"signature_name\": \"{signature}\", \"inputs\": {{");
    for (index, (name, tensor)) in inputs.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        text.push_str(&format!("{separator}\"{name}\": "));
        nest(&mut text, tensor.shape().dims(), &json_numbers(tensor)?);
    }
    text.push_str("}}");
    Ok(text.into())
}

/// Writes `numbers` as lists nested to the depth of `dims`.
fn nest(text: &mut String, dims: &[usize], numbers: &[String]) {
    let Some((&size, inner)) = dims.split_first() else {
        text.push_str(numbers.first().map_or("", String::as_str));
        return;
    };
    text.push('[');
    let stride = numbers.len() / size.max(1);
    for index in 0..size {
        if index > 0 {
            text.push(',');
        }
        nest(text, inner, &numbers[index * stride..(index + 1) * stride]);
    }
    text.push(']');
}

#[cfg(test)]
mod tests {
    use wharf_tensor::Shape;

    use super::*;

    #[test]
    fn rest_bodies_nest_like_the_shape() {
        let tensor = Tensor::from_vec(Shape::new(&[2, 1, 2]).unwrap(), vec![1_u8, 2, 3, 4]).unwrap();
        let body = rest_body("float", &[("x".to_owned(), tensor)]).unwrap();
        assert_eq!(body, r#"{"signature_name": "float", "inputs": {"x": [[[1,2]],[[3,4]]]}}"#);
    }
}
