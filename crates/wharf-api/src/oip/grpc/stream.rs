//! Streaming inference: requests in, answers out in the same order, errors among them.

use std::pin::Pin;

use tokio_stream::{Stream, StreamExt as _};
use tonic::{Status, Streaming};
use wharf_infer::{Deadline, ServiceError};

use super::super::infer::OipBackend;
use super::ahead::Ahead;
use super::encode::parameter;
use crate::grpc::to_status;
use crate::proto::inference::infer_parameter::ParameterChoice;
use crate::proto::inference::{ModelInferRequest, ModelInferResponse, ModelStreamInferResponse};
use crate::trace::{self, Incoming};

/// What goes back.
pub(super) type Replies = Pin<Box<dyn Stream<Item = Result<ModelStreamInferResponse, Status>> + Send>>;

/// The parameter by which a client asks for an empty message at the end of each request.
const WANTS_FINAL: &str = "triton_enable_empty_final_response";
/// The parameter that says whether an answer is the last to its request.
const IS_FINAL: &str = "triton_final_response";

/// How many requests of a stream are under way at once: as many as may share a batch on most machines, and no more than
/// a client should have to read before the first answer.
const MOST_AT_ONCE: usize = 16;

/// Answers requests in their order, several at once: those of different sequences share batches. An error is a message
/// like any other, unless `ends_at_errors`.
pub(super) fn replies(
    backend: OipBackend,
    requests: Streaming<ModelInferRequest>,
    ends_at_errors: bool,
) -> Replies {
    // The replies come after the handler has returned: its trace is taken along.
    let incoming = trace::current();
    let replies = Ahead::new(requests, MOST_AT_ONCE, move |request: Result<ModelInferRequest, Status>| {
        let backend = backend.clone();
        let incoming = incoming.as_ref().map(Incoming::again);
        trace::within(incoming, async move {
            let request = request?;
            let wants_final = request.parameters.contains_key(WANTS_FINAL);
            match backend.answer_infer(request, Deadline::NONE).await {
                Ok(response) => Ok(answer(response, wants_final)),
                Err(error) if ends_at_errors => Err(to_status(&error)),
                Err(error) => Ok(failure(&error)),
            }
        })
    });
    // The stream ends with its first status: nothing can follow one.
    let mut has_ended = false;
    Box::pin(replies.take_while(move |reply| {
        let goes_on = !has_ended;
        has_ended = reply.is_err();
        goes_on
    }))
}

/// Every request has one answer, which is its last.
fn answer(mut response: ModelInferResponse, wants_final: bool) -> ModelStreamInferResponse {
    if wants_final {
        response.parameters.insert(IS_FINAL.to_owned(), parameter(ParameterChoice::BoolParam(true)));
    }
    ModelStreamInferResponse { error_message: String::new(), infer_response: Some(response) }
}

fn failure(error: &ServiceError) -> ModelStreamInferResponse {
    // Logged where it is our fault.
    let status = to_status(error);
    ModelStreamInferResponse {
        error_message: status.message().to_owned(),
        infer_response: Some(ModelInferResponse::default()),
    }
}
