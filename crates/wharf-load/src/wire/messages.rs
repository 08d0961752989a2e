//! The parts of the two protocols' messages that requests are made of; field numbers as in their `.proto` files.

use bytes::Bytes;
use prost::Message;

/// `tensorflow.serving.PredictRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct PredictRequest {
    #[prost(message, optional, tag = "1")]
    pub(super) model_spec: Option<ModelSpec>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(super) inputs: std::collections::BTreeMap<String, TensorProto>,
    #[prost(string, repeated, tag = "3")]
    pub(super) output_filter: Vec<String>,
}

/// `tensorflow.serving.ModelSpec`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelSpec {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    /// `google.protobuf.Int64Value`
    #[prost(message, optional, tag = "2")]
    pub(super) version: Option<i64>,
    #[prost(string, tag = "3")]
    pub(super) signature_name: String,
}

/// `tensorflow.TensorProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorProto {
    #[prost(int32, tag = "1")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) tensor_shape: Option<TensorShapeProto>,
    #[prost(bytes = "bytes", tag = "4")]
    pub(super) tensor_content: Bytes,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub(super) string_val: Vec<Bytes>,
}

/// `tensorflow.TensorShapeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShapeProto {
    #[prost(message, repeated, tag = "2")]
    pub(super) dim: Vec<Dim>,
}

/// `tensorflow.TensorShapeProto.Dim`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dim {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
}

/// `inference.ModelInferRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct ModelInferRequest {
    #[prost(string, tag = "1")]
    pub(super) model_name: String,
    #[prost(string, tag = "2")]
    pub(super) model_version: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) inputs: Vec<InferInputTensor>,
    #[prost(message, repeated, tag = "6")]
    pub(super) outputs: Vec<InferRequestedOutputTensor>,
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub(super) raw_input_contents: Vec<Bytes>,
}

/// `inference.ModelInferRequest.InferInputTensor`
#[derive(Clone, PartialEq, Message)]
pub(super) struct InferInputTensor {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) datatype: String,
    #[prost(int64, repeated, tag = "3")]
    pub(super) shape: Vec<i64>,
}

/// `inference.ModelInferRequest.InferRequestedOutputTensor`
#[derive(Clone, PartialEq, Message)]
pub(super) struct InferRequestedOutputTensor {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}
