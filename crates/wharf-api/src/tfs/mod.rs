//! TensorFlow Serving: its messages, its two gRPC services and its REST routes.

mod backend;
mod classify;
mod data_type;
mod decode;
mod encode;
mod example;
pub(crate) mod grpc;
mod metadata;
mod model_spec;
mod reload;
pub(crate) mod rest;
mod signature;
mod warm_up;

#[cfg(test)]
mod tests;

pub(crate) use backend::TfsBackend;
pub(crate) use encode::TensorEncoding;
pub use warm_up::TfsWarmUp;
