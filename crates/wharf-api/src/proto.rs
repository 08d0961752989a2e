//! The messages of the gRPC wires, made from `proto/` at build time; clients may use them too.

#![expect(missing_docs, clippy::allow_attributes, reason = "generated; the .proto files carry the comments")]

/// Package `tensorflow`.
pub mod tensorflow {
    tonic::include_proto!("tensorflow");

    /// Package `tensorflow.error`.
    pub mod error {
        tonic::include_proto!("tensorflow.error");
    }

    /// Package `tensorflow.serving`.
    pub mod serving {
        tonic::include_proto!("tensorflow.serving");
    }
}

/// Package `inference`: the Open Inference Protocol.
pub mod inference {
    tonic::include_proto!("inference");
}

/// The descriptors of all messages and services, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
