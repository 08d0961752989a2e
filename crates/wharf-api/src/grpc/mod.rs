//! gRPC as all its services share it: the codec, deadlines, status texts, health and reflection.

mod codec;
mod deadline;
mod error;
mod pieces;
mod retry;
mod service;
mod unary;

pub(crate) use codec::MessageCodec;
pub(crate) use deadline::timeout;
pub(crate) use error::to_status;
pub(crate) use service::{GrpcService, Health, is_stream, refused};
pub(crate) use unary::read_pieces;
