//! The Open Inference Protocol, version 2, with Triton's extensions: over gRPC and over REST.

mod check;
mod classification;
mod datatype;
pub(crate) mod grpc;
mod infer;
mod metadata;
mod parameter;
mod raw;
pub(crate) mod rest;
mod shared_memory;

pub(crate) use infer::OipBackend;
pub(crate) use shared_memory::SharedMemory;

use std::borrow::Cow;

/// How many characters of a name from the client a message repeats.
const SHOWN_NAME: usize = 128;

/// The name that Triton gives itself, which its clients look for.
const SERVER_NAME: &str = "triton";

/// The extensions that this server does.
const EXTENSIONS: [&str; 6] = [
    "classification",
    "model_repository",
    "model_configuration",
    "system_shared_memory",
    "binary_tensor_data",
    "parameters",
];

/// A name from the client, cut to what a message may repeat.
fn shown(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(SHOWN_NAME) {
        None => Cow::Borrowed(name),
        Some((end, _)) => Cow::Owned(format!("{}...", name.get(..end).unwrap_or_default())),
    }
}
