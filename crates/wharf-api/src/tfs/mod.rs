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
pub(crate) use warm_up::{read_warm_up, records_of};

/// Reads the tensors of a request of any kind, for fuzzing.
pub(crate) fn read_tensors(
    request: crate::proto::tensorflow::serving::PredictRequest,
    limits: &crate::Limits,
) {
    for (_, tensor) in request.inputs {
        let _ = decode::decode_tensor(tensor, limits);
    }
}

/// Reads examples of any kind, for fuzzing.
pub(crate) fn read_input<'a>(
    input: Option<crate::proto::tensorflow::serving::Input>,
    signatures: impl Iterator<Item = &'a wharf_bundle::Signature>,
) {
    if let Ok(examples) = example::Examples::from_wire(input) {
        signatures.for_each(|signature| drop(examples.to_inputs(signature)));
    }
}
