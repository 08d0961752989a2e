//! Clients of TensorFlow Serving's two wires, for `wharf predict` and `wharf bench`.

mod classes;
mod grpc;
mod rest;

pub(crate) use classes::{Answer, Picture};
pub(crate) use grpc::{GrpcClient, model_spec_of};
pub(crate) use rest::RestClient;
