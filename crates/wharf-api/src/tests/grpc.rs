use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tonic::Code;

use super::*;
use crate::proto::tensorflow::serving::{
    GetModelStatusRequest, GetModelStatusResponse, ModelSpec, PredictRequest, PredictResponse, model_spec,
};
use crate::proto::tensorflow::{DataType, TensorProto};

pub(super) const PREDICT: &str = "/tensorflow.serving.PredictionService/Predict";
const STATUS: &str = "/tensorflow.serving.ModelService/GetModelStatus";

/// What a call was answered: the status, its text, and the message.
pub(super) struct Reply {
    pub(super) code: Code,
    pub(super) text: String,
    pub(super) message: Bytes,
    /// Of `grpc-status-details-bin`, as they travel.
    pub(super) details: Option<String>,
}

/// A call with whatever body, over a connection of its own.
pub(super) async fn call(address: SocketAddr, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
    let stream = TcpStream::connect(address).await.unwrap();
    call_over(stream, &format!("http://{address}"), path, headers, body).await
}

/// A call over a connection that is there.
pub(super) async fn call_over(
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    origin: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Reply {
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let connection = spawn(connection);
    let mut request = Request::post(format!("{origin}{path}")).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap());
    let (head, body) = tokio::time::timeout(PATIENCE, response).await.unwrap().unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned().unwrap_or_default();
    let message = body.to_bytes();
    connection.abort();
    let find = |name: &str| -> Option<String> {
        let value = |map: &HeaderMap| map.get(name).map(|value| value.to_str().unwrap().to_owned());
        value(&head.headers).or_else(|| value(&trailers))
    };
    Reply {
        code: Code::from_bytes(find("grpc-status").unwrap().as_bytes()),
        text: find("grpc-message").unwrap_or_default(),
        message: message.slice(message.len().min(5)..),
        details: find("grpc-status-details-bin"),
    }
}

/// A message with its length before it.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    [&[0][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

pub(super) fn predict_message(values: Vec<f32>) -> Vec<u8> {
    let shape = crate::proto::tensorflow::TensorShapeProto {
        dim: vec![crate::proto::tensorflow::tensor_shape_proto::Dim {
            size: values.len() as i64,
            name: String::new(),
        }],
        unknown_rank: false,
    };
    let tensor = TensorProto {
        dtype: DataType::DtFloat as i32,
        tensor_shape: Some(shape),
        float_val: values,
        ..TensorProto::default()
    };
    let spec = ModelSpec { name: "m".to_owned(), ..ModelSpec::default() };
    let inputs = [("x".to_owned(), tensor)].into();
    PredictRequest { model_spec: Some(spec), inputs, output_filter: vec![] }.encode_to_vec()
}

#[tokio::test]
async fn predictions_come_back_with_who_made_them() {
    let server = Server::running(Limits::default()).await;
    let reply = call(server.grpc(), PREDICT, &[], framed(&predict_message(vec![1.0, 2.5]))).await;
    assert_eq!(reply.code, Code::Ok, "{}", reply.text);
    let message = PredictResponse::decode(reply.message).unwrap();
    assert_eq!(message.outputs["y"].float_val, [1.0, 2.5]);
    let spec = message.model_spec.unwrap();
    assert_eq!((spec.name.as_str(), spec.signature_name.as_str()), ("m", "serving_default"));
    assert_eq!(spec.version_choice, Some(model_spec::VersionChoice::Version(3)));
}

#[tokio::test]
async fn every_grpc_service_is_there() {
    let server = Server::running(Limits::default()).await;
    let spec = ModelSpec { name: "m".to_owned(), ..ModelSpec::default() };
    let request = GetModelStatusRequest { model_spec: Some(spec) }.encode_to_vec();
    let reply = call(server.grpc(), STATUS, &[], framed(&request)).await;
    let status = GetModelStatusResponse::decode(reply.message).unwrap();
    assert_eq!((reply.code, status.model_version_status[0].state), (Code::Ok, 30));
    for name in ["", "tensorflow.serving.PredictionService", "ModelService"] {
        let request = tonic_health::pb::HealthCheckRequest { service: name.to_owned() }.encode_to_vec();
        let reply = call(server.grpc(), "/grpc.health.v1.Health/Check", &[], framed(&request)).await;
        assert_eq!((reply.code, &reply.message[..]), (Code::Ok, &[8, 1][..]), "{name}");
    }
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let reply = call(server.grpc(), &path, &[], framed(&[0x3a, 0])).await;
        let names = String::from_utf8_lossy(&reply.message).into_owned();
        assert!(names.contains("tensorflow.serving.ModelService"), "{names}");
    }
}

#[tokio::test]
async fn broken_messages_are_the_clients_fault() {
    let server = Server::running(Limits::default()).await;
    let good = predict_message(vec![1.0]);
    let nested = (0..10_000).fold(Vec::new(), |inner, _| {
        let mut outer = vec![0x0a];
        prost::encoding::encode_varint(inner.len() as u64, &mut outer);
        outer.extend(inner);
        outer
    });
    let groups = vec![0x0b; 10_000];
    let invalid_utf8 = [0x0a, 0x03, 0x0a, 0x01, 0xff];
    for (what, body, code) in [
        ("truncated frame", framed(&good)[..good.len()].to_vec(), Code::InvalidArgument),
        ("no message", Vec::new(), Code::InvalidArgument),
        ("truncated message", framed(&good[..good.len() - 3]), Code::InvalidArgument),
        ("nested messages", framed(&nested), Code::InvalidArgument),
        ("groups", framed(&groups), Code::InvalidArgument),
        ("field 0", framed(&[0x02, 0x00]), Code::InvalidArgument),
        (
            "length of 2^63",
            framed(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            Code::InvalidArgument,
        ),
        (
            "packed list that is cut",
            framed(&[0x12, 0x07, 0x12, 0x05, 0x2a, 0x03, 0, 0, 0]),
            Code::InvalidArgument,
        ),
        ("invalid UTF-8", framed(&invalid_utf8), Code::InvalidArgument),
        ("no model", framed(&[]), Code::InvalidArgument),
        ("compressed without encoding", [&[1][..], &framed(&good)[1..]].concat(), Code::InvalidArgument),
        ("flag 7", [&[7][..], &framed(&good)[1..]].concat(), Code::InvalidArgument),
        ("frame of 4 GiB", vec![0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5], Code::ResourceExhausted),
    ] {
        let reply = call(server.grpc(), PREDICT, &[], body).await;
        assert_eq!(reply.code, code, "{what}: {}", reply.text);
    }
}

#[tokio::test]
async fn headers_are_checked() {
    let server = Server::running(Limits::default()).await;
    let body = framed(&predict_message(vec![1.0]));
    for (path, headers, code) in [
        (PREDICT, [("grpc-timeout", "99999999999H")], Code::InvalidArgument),
        (PREDICT, [("grpc-timeout", "-1S")], Code::InvalidArgument),
        (PREDICT, [("grpc-timeout", "99999999H")], Code::Ok),
        (PREDICT, [("grpc-timeout", "0n")], Code::DeadlineExceeded),
        (PREDICT, [("grpc-encoding", "br")], Code::Unimplemented),
        ("/tensorflow.serving.PredictionService/Nope", [("x", "y")], Code::Unimplemented),
        ("/nope", [("x", "y")], Code::Unimplemented),
        ("/", [("x", "y")], Code::Unimplemented),
    ] {
        let reply = call(server.grpc(), path, &headers, body.clone()).await;
        assert_eq!(reply.code, code, "{path} {headers:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn packed_messages_are_held_to_the_same_limit() {
    use std::io::Write as _;
    let limits = Limits { max_body_bytes: 1 << 20, ..Limits::default() };
    let server = Server::running(limits).await;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&vec![0; 8 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    let frame = [&[1][..], &(packed.len() as u32).to_be_bytes(), &packed].concat();
    let reply = call(server.grpc(), PREDICT, &[("grpc-encoding", "gzip")], frame).await;
    assert_eq!(reply.code, Code::ResourceExhausted, "{}", reply.text);
    let reply = call(server.grpc(), PREDICT, &[("grpc-encoding", "gzip")], vec![1, 0, 0, 0, 2, 1, 2]).await;
    assert_eq!(reply.code, Code::InvalidArgument, "{}", reply.text);
    let large = framed(&predict_message(vec![1.0; 1 << 18]));
    let reply = call(server.grpc(), PREDICT, &[], large).await;
    assert_eq!(reply.code, Code::ResourceExhausted, "{}", reply.text);
}
