//! The decoders of the wires as plain functions of bytes, for `wharf-fuzz`: whatever the bytes are, each returns.
//! No part of the interface.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use prost::Message as _;
use wharf_bundle::{DEFAULT_SIGNATURE, Method, OutputSource, Signature, SignatureInput, SignatureOutput};
use wharf_serve::ModelManager;
use wharf_tensor::{DType, TensorSpec};

use crate::Limits;
use crate::backend::Backend;
use crate::listener::read_ssl_config;
use crate::oip::{OipBackend, SharedMemory, rest};
use crate::proto::inference::ModelInferRequest;
use crate::proto::tensorflow::serving::{ClassificationRequest, PredictRequest};
use crate::{admin, grpc, oip, tfs, trace};

/// Signatures of every element type that JSON has, and of two inputs.
static SIGNATURES: LazyLock<Vec<Signature>> = LazyLock::new(|| {
    let input = |name: &str, dtype: DType| SignatureInput {
        graph_input: name.to_owned(),
        spec: TensorSpec::new(name, dtype, &[-1]),
        transform: vec![],
    };
    let signature = |inputs: Vec<SignatureInput>| Signature {
        method: Method::Predict,
        inputs,
        outputs: vec![SignatureOutput {
            source: OutputSource::Graph { output: "y".into() },
            spec: TensorSpec::new("y", DType::F32, &[-1]),
        }],
        columns: None,
    };
    let types = [DType::F32, DType::F64, DType::I64, DType::U8, DType::Bool, DType::String];
    let alone = types.into_iter().map(|dtype| signature(vec![input("x", dtype)]));
    alone.chain([signature(vec![input("a", DType::F32), input("b", DType::I32)])]).collect()
});

pub fn tfs_predict_json(body: &[u8]) {
    let body = Bytes::copy_from_slice(body);
    for signature in SIGNATURES.iter() {
        for inputs_are_rows in [false, true] {
            tfs::rest::read_predict(&body, inputs_are_rows, signature);
        }
    }
}

pub fn tfs_examples_json(body: &[u8]) {
    tfs::rest::read_classify(&Bytes::copy_from_slice(body), SIGNATURES.iter());
}

pub fn tfs_predict_message(message: &[u8]) {
    let Ok(request) = PredictRequest::decode(Bytes::copy_from_slice(message)) else { return };
    tfs::read_tensors(request, &Limits::default());
}

pub fn tfs_classify_message(message: &[u8]) {
    let Ok(request) = ClassificationRequest::decode(Bytes::copy_from_slice(message)) else { return };
    tfs::read_input(request.input, SIGNATURES.iter());
}

/// A warm-up file whose records are whole, and the same bytes as the only message of one: checksums that are right by
/// chance are none.
pub fn warm_up_file(bytes: &[u8]) {
    static SIGNATURES_BY_NAME: LazyLock<BTreeMap<String, Signature>> = LazyLock::new(|| {
        let name = |index: usize| if index == 0 { DEFAULT_SIGNATURE.to_owned() } else { index.to_string() };
        SIGNATURES.iter().cloned().enumerate().map(|(index, one)| (name(index), one)).collect()
    });
    tfs::read_warm_up(bytes, &SIGNATURES_BY_NAME);
    tfs::read_warm_up(&tfs::records_of(&[bytes]), &SIGNATURES_BY_NAME);
}

pub fn ssl_config(bytes: &[u8]) {
    read_ssl_config(Path::new("ssl.txt"), bytes);
}

/// The value of each header field that is read.
pub fn header(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut headers = HeaderMap::new();
    for name in ["grpc-timeout", "traceparent", "inference-header-content-length", "content-length"] {
        headers.insert(name, value.clone());
    }
    let _ = (grpc::timeout(&headers), rest::json_length(&headers), trace::parent(&headers));
}

/// A gRPC body in pieces, whose size the first byte gives.
pub fn grpc_body(bytes: &[u8]) {
    let Some((size, body)) = bytes.split_first() else { return };
    grpc::read_pieces::<PredictRequest>(body, usize::from(*size), 1 << 20);
    grpc::read_pieces::<ModelInferRequest>(body, usize::from(*size), 1 << 20);
}

pub fn traffic(body: &[u8]) {
    admin::read_traffic(body);
}

/// An upload, whose first line stands for its header.
pub fn multipart_body(body: &[u8]) {
    crate::openai::read_parts(body);
}

/// Requests of language models, as every interface reads them.
pub fn language_requests(body: &[u8]) {
    crate::openai::read_requests(body);
    crate::anthropic::read_request(body);
    crate::ollama::read_requests(body);
}

/// The bodies of calls that carry no tensors.
pub fn oip_settings(body: &[u8]) {
    rest::read_settings(body);
}

/// A gzip body and a deflate body.
pub fn packed_body(body: &[u8]) {
    use crate::rest::body::{Packing, unpacked};
    let unpack = |packing| unpacked(body, packing, 1 << 20, |_| Ok(()));
    let _ = (unpack(Packing::Gzip), unpack(Packing::Zlib));
}

/// The Open Inference Protocol, whose requests may speak of what the server keeps.
pub struct OipWire(OipBackend);

impl OipWire {
    pub fn new(manager: ModelManager) -> Self {
        Self(OipBackend::new(Backend::new(manager, Arc::new(Limits::default())), SharedMemory::default()))
    }

    pub fn json(&self, body: &[u8]) {
        self.body(body, None);
    }

    /// The first two bytes say how much of the rest is JSON.
    pub fn binary(&self, bytes: &[u8]) {
        if let Some((length, body)) = bytes.split_first_chunk::<2>() {
            self.body(body, Some(usize::from(u16::from_le_bytes(*length))));
        }
    }

    fn body(&self, body: &[u8], json_length: Option<usize>) {
        let body = Bytes::copy_from_slice(body);
        for signature in SIGNATURES.iter() {
            rest::read_infer(&self.0, signature, &body, json_length);
        }
    }

    pub fn message(&self, message: &[u8]) {
        if let Ok(request) = ModelInferRequest::decode(Bytes::copy_from_slice(message)) {
            oip::grpc::read_infer(&self.0, request);
        }
    }
}
