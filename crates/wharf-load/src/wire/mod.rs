//! Requests as bytes, for each wire.

mod json;
mod messages;
mod oip;
mod tfs;

use std::fmt;
use std::str::FromStr;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use wharf_tensor::Tensor;

use crate::LoadError;

/// A protocol and the form in which it carries tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wire {
    /// TensorFlow Serving's `Predict` over gRPC, tensors as raw `tensor_content`.
    TfsGrpc,
    /// TensorFlow Serving's REST, tensors as JSON in column form.
    TfsRest,
    /// The Open Inference Protocol's `ModelInfer` over gRPC, tensors as `raw_input_contents`.
    OipGrpc,
    /// The Open Inference Protocol over REST with Triton's binary tensors.
    OipRest,
    /// The Open Inference Protocol over REST, tensors as JSON.
    OipRestJson,
}

impl Wire {
    /// Every wire.
    pub const ALL: [Self; 5] =
        [Self::TfsGrpc, Self::TfsRest, Self::OipGrpc, Self::OipRest, Self::OipRestJson];

    /// The name in arguments and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::TfsGrpc => "tfs-grpc",
            Self::TfsRest => "tfs-rest",
            Self::OipGrpc => "oip-grpc",
            Self::OipRest => "oip-rest",
            Self::OipRestJson => "oip-rest-json",
        }
    }

    /// The port on which servers of the protocol listen.
    pub fn default_port(self) -> u16 {
        match self {
            Self::TfsGrpc => 8500,
            Self::TfsRest => 8501,
            Self::OipGrpc => 8001,
            Self::OipRest | Self::OipRestJson => 8000,
        }
    }

    /// Whether it is gRPC, and therefore HTTP/2.
    pub fn is_grpc(self) -> bool {
        matches!(self, Self::TfsGrpc | Self::OipGrpc)
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Wire {
    type Err = LoadError;

    fn from_str(name: &str) -> Result<Self, LoadError> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let unknown =
            || LoadError::argument(format!("unknown protocol `{name}`, expected one of {}", names()));
        Self::ALL.into_iter().find(|wire| wire.name() == name).ok_or_else(unknown)
    }
}

/// What is asked, whatever the wire.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The version; the server's choice where there is none.
    pub version: Option<u64>,
    /// The signature; only TensorFlow Serving's wires can name one.
    pub signature: Option<&'a str>,
    /// The inputs.
    pub inputs: &'a [(String, Tensor)],
    /// The outputs wanted; all where there are none. TensorFlow Serving's REST always gives all.
    pub outputs: &'a [String],
}

/// A request as it is sent, again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub(crate) is_grpc: bool,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

impl Call {
    /// Bytes of the body.
    pub fn size_bytes(&self) -> usize {
        self.body.len()
    }
}

/// Writes `request` for `wire`.
///
/// # Errors
/// The wire cannot carry an element type of the inputs, or cannot name a signature.
pub fn encode(wire: Wire, request: &Request<'_>) -> Result<Call, LoadError> {
    match wire {
        Wire::TfsGrpc => tfs::grpc(request),
        Wire::TfsRest => tfs::rest(request),
        Wire::OipGrpc => oip::grpc(request),
        Wire::OipRest => oip::rest_binary(request),
        Wire::OipRestJson => oip::rest_json(request),
    }
}

fn grpc_call(path: &str, message: &impl Message) -> Result<Call, LoadError> {
    let size = message.encoded_len();
    let length = u32::try_from(size).map_err(|_| {
        LoadError::request(format!("the message has {size} bytes, expected at most {}", u32::MAX))
    })?;
    let mut body = BytesMut::with_capacity(size + 5);
    // Not compressed.
    body.put_u8(0);
    body.put_u32(length);
    message.encode(&mut body).map_err(|error| LoadError::request(error.to_string()))?;
    let headers = vec![("content-type", "application/grpc".to_owned()), ("te", "trailers".to_owned())];
    Ok(Call { is_grpc: true, path: path.to_owned(), headers, body: body.freeze() })
}

fn json_call(path: String, body: String) -> Call {
    let headers = vec![("content-type", "application/json".to_owned())];
    Call { is_grpc: false, path, headers, body: body.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for wire in Wire::ALL {
            assert_eq!(wire.name().parse::<Wire>().unwrap(), wire);
        }
        let error = "grpc".parse::<Wire>().unwrap_err();
        let expected =
            "unknown protocol `grpc`, expected one of tfs-grpc, tfs-rest, oip-grpc, oip-rest, oip-rest-json";
        assert_eq!(error.to_string(), expected);
    }
}
