//! The Open Inference Protocol, version 2, with Triton's extensions: over gRPC and over REST.

mod check;
mod classification;
mod datatype;
pub(crate) mod grpc;
mod infer;
mod log_settings;
mod metadata;
mod parameter;
mod raw;
pub(crate) mod rest;
mod shared_memory;
mod statistics;
mod trace_settings;

pub(crate) use infer::OipBackend;
pub(crate) use shared_memory::SharedMemory;

use crate::shown::{SHOWN_NAME, shown};

/// The name that Triton gives itself, which its clients look for.
const SERVER_NAME: &str = "triton";

/// The extensions that this server does.
const EXTENSIONS: [&str; 9] = [
    "classification",
    "sequence",
    "sequence(string_id)",
    "model_repository",
    "model_configuration",
    "system_shared_memory",
    "binary_tensor_data",
    "parameters",
    "statistics",
];
