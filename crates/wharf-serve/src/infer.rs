//! One request, from admission to answer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep_until;
use wharf_bundle::DEFAULT_SIGNATURE;
use wharf_engine::StopSignal;
use wharf_infer::{Deadline, ErrorCode, InferRequest, InferResponse, NamedTensor, ServiceError};
use wharf_tensor::Tensor;

use crate::admission::{AdmissionPermit, draining};
use crate::pool::{CpuPool, Refusal};
use crate::served::ServedModel;

type Answer = Result<InferResponse, ServiceError>;

/// A request that has been routed and checked.
pub(crate) struct Task {
    served: Arc<ServedModel>,
    signature: String,
    request: InferRequest,
    /// Elements of the inputs; bytes where they are strings.
    size: usize,
}

impl Task {
    /// Checks the request against the model that it was routed to.
    pub(crate) fn new(served: Arc<ServedModel>, request: InferRequest) -> Result<Self, ServiceError> {
        let signature = effective_signature(request.signature.as_deref()).to_owned();
        served.model.check(&signature, &request.inputs, &request.outputs)?;
        let size = request.inputs.iter().map(|input| size_of_input(&input.tensor)).sum();
        Ok(Self { served, signature, request, size })
    }

    /// Whether this is known to take less than `limit`. Of a graph with loops nobody knows: a run in place cannot
    /// be stopped.
    pub(crate) fn is_shorter_than(&self, limit: Duration) -> bool {
        !self.served.model.has_loops()
            && self.served.cost.estimate(self.size).is_some_and(|estimate| estimate < limit)
    }

    /// Runs on this thread.
    pub(crate) fn run_here(self) -> Answer {
        let outputs = self.compute(&StopSignal::never());
        self.respond(outputs)
    }

    /// Runs on a thread of `pool`, unless by then the deadline has passed or the caller has left. Where either
    /// happens during the run, the run is stopped. `closing` turns true when the server waits no longer.
    ///
    /// The permit goes where the work goes and comes back with the answer: a caller who leaves does not make
    /// room while the work still runs, and a server that drains is not empty before the answer has arrived.
    pub(crate) async fn run_on(
        self,
        pool: &CpuPool,
        permit: AdmissionPermit,
        mut closing: watch::Receiver<bool>,
    ) -> Answer {
        let deadline = self.request.deadline;
        let stop = StopOnDrop(StopSignal::new());
        let (reply, answer) = oneshot::channel();
        let signal = stop.0.clone();
        let job = move || {
            if !reply.is_closed() && !signal.is_stopped() {
                // Fails where the caller left meanwhile.
                let _ = reply.send((self.run_in_time(&signal), permit));
            }
        };
        pool.submit(Box::new(job)).map_err(refused)?;
        tokio::select! {
            biased;
            answer = answer => answer.map_or_else(|_| Err(draining()), |(answer, _permit)| answer),
            () = passed(deadline) => Err(deadline_exceeded()),
            _ = closing.wait_for(|is_closing| *is_closing) => Err(draining()),
        }
    }

    fn run_in_time(self, stop: &StopSignal) -> Answer {
        if self.request.deadline.has_passed() {
            return Err(deadline_exceeded());
        }
        let outputs = self.compute(stop);
        self.respond(outputs)
    }

    fn compute(&self, stop: &StopSignal) -> Result<Vec<NamedTensor>, ServiceError> {
        let _span = self.request.span.enter();
        let started = Instant::now();
        let model = &self.served.model;
        let run = || model.run(&self.signature, &self.request.inputs, &self.request.outputs, stop);
        let outputs = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(panicked(&*panic)));
        if outputs.is_ok() {
            self.served.cost.learn(self.size, started.elapsed());
        }
        outputs
    }

    fn respond(self, outputs: Result<Vec<NamedTensor>, ServiceError>) -> Answer {
        Ok(InferResponse {
            model_name: self.served.name.clone(),
            model_version: self.served.version,
            signature: self.signature,
            outputs: outputs?,
        })
    }
}

/// The signature that is meant where none, or an empty one, was named.
pub(crate) fn effective_signature(name: Option<&str>) -> &str {
    name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT_SIGNATURE)
}

fn size_of_input(tensor: &Tensor) -> usize {
    let bytes = tensor.strings().map(|strings| strings.iter().map(Bytes::len).sum());
    bytes.unwrap_or_else(|| tensor.num_elements())
}

/// What a request is told whose deadline passed.
pub(crate) fn deadline_exceeded() -> ServiceError {
    ServiceError::new(ErrorCode::DeadlineExceeded, "the deadline passed before there was an answer")
}

/// Ends the run of a caller who stopped waiting, for whatever reason.
struct StopOnDrop(StopSignal);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

async fn passed(deadline: Deadline) {
    match deadline.instant() {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

fn refused(refusal: Refusal) -> ServiceError {
    match refusal {
        Refusal::Full => ServiceError::new(ErrorCode::Overloaded, "too many requests wait to be computed"),
        Refusal::Closed => draining(),
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ServiceError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    ServiceError::internal("the engine failed", format!("panic: {text}"))
}
