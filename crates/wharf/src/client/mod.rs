//! Clients of TensorFlow Serving's two wires, for `wharf predict`.

mod classes;
mod events;
mod grpc;
mod rest;

pub(crate) use classes::{Answer, Picture};
pub(crate) use grpc::GrpcClient;
pub(crate) use rest::RestClient;
