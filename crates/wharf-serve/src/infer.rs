//! One request, from admission to answer.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{oneshot, watch};
use tokio::time::sleep_until;
use wharf_bundle::DEFAULT_SIGNATURE;
use wharf_engine::StopSignal;
use wharf_infer::{
    Deadline, ErrorCode, InferRequest, InferResponse, ModelRef, NamedTensor, SequencePart, ServiceError,
};
use wharf_tensor::{Dim, Tensor};

use crate::Padding;
use crate::admission::{AdmissionPermit, draining};
use crate::batch::{Entry, LaneKey, NoRoom, Rows, Seat, Waiter};
use crate::pool::{CpuPool, Refusal};
use crate::served::ServedModel;

pub(crate) type Answer = Result<InferResponse, ServiceError>;

/// Work below this runs where it arrived even when others are under way. Handing a request over costs 17 us of CPU
/// time, and joining saves at most what a run costs beyond its rows: of 38 us for the seed's network, 9 (`cargo
/// bench -p wharf-serve`).
const TOO_SHORT_TO_JOIN: Duration = Duration::from_micros(75);

/// A request that has been routed and checked.
pub(crate) struct Task {
    served: Arc<ServedModel>,
    signature: String,
    request: InferRequest,
    /// Elements of the inputs; bytes where they are strings.
    size: usize,
    /// How many rows it adds to a batch; `None` where it runs alone.
    rows: Option<usize>,
    arrived: Instant,
}

impl Task {
    /// Checks the request against the model that it was routed to.
    pub(crate) fn new(
        served: Arc<ServedModel>,
        request: InferRequest,
        arrived: Instant,
    ) -> Result<Self, ServiceError> {
        let signature = effective_signature(request.signature.as_deref()).to_owned();
        served.model.check(&signature, &request.inputs, &request.outputs)?;
        let size = request.inputs.iter().map(|input| size_of_input(&input.tensor)).sum();
        let rows = common_rows(&request.inputs).filter(|_| served.can_batch(&signature));
        Ok(Self { served, signature, request, size, rows, arrived })
    }

    /// Whether this is best run where it arrived: known to take less than `limit`, and so short that joining it
    /// with others gains nothing, or nobody is there to be joined with. Of a graph with loops nobody knows how
    /// long it takes: a run in place cannot be stopped. A process of its own is given to a model that is not trusted.
    pub(crate) fn runs_here(&self, limit: Duration, in_flight: usize) -> bool {
        let is_lonely = self.rows.is_none() || in_flight <= 1;
        let limit = if is_lonely { limit } else { limit.min(TOO_SHORT_TO_JOIN) };
        !self.served.batching.needs_queue()
            && !self.served.model.has_loops()
            && self.served.model.replica().restarts().is_none()
            && self.served.cost.estimate(self.size).is_some_and(|estimate| estimate < limit)
    }

    /// Runs on this thread.
    pub(crate) fn run_here(self) -> Answer {
        let outputs = self.compute(&StopSignal::never())?;
        Ok(self.response(outputs))
    }

    /// Runs on a thread of `pool`, with others where that can be, unless by then the deadline has passed or the
    /// caller has left. Where all whom it is for have left, the run is stopped. `closing` turns true when the
    /// server waits no longer.
    pub(crate) async fn run_on(
        self,
        pool: &CpuPool<Waiter>,
        permit: AdmissionPermit,
        mut closing: watch::Receiver<bool>,
    ) -> Answer {
        let deadline = self.request.deadline;
        let (key, served) = (self.lane(), Arc::clone(&self.served));
        let (rows, rank) = (self.rows(), served.batching.rank(self.request.priority));
        let cost = served.cost.estimate(self.size).unwrap_or_default();
        let guard = LeaveOnDrop(Arc::default());
        let (reply, answer) = oneshot::channel();
        let waiter = Waiter::new(self, reply, permit, Arc::clone(&guard.0));
        let rules = if key.rows.is_some() { served.lane_rules() } else { served.alone_rules() };
        let queue = served.queue(rank);
        let entry = Entry { item: waiter, rows, rank, queue, arrived: Instant::now(), cost };
        pool.submit(key, rules, entry, deadline.instant()).map_err(|refusal| refused(&served, refusal))?;
        tokio::select! {
            biased;
            answer = answer => answer.map_or_else(|_| Err(draining()), |(answer, _permit)| answer),
            () = passed(deadline) => Err(deadline_exceeded()),
            _ = closing.wait_for(|is_closing| *is_closing) => Err(draining()),
        }
    }

    /// Runs it by itself.
    pub(crate) fn compute(&self, stop: &StopSignal) -> Result<Vec<NamedTensor>, ServiceError> {
        let computed = self.compute_inputs(&self.request.inputs, (self.rows, self.size), stop)?;
        let rows = self.rows_counted();
        self.ran(&computed, 1, rows);
        self.served.metrics.ran(1, rows, computed.elapsed, computed.ended());
        Ok(computed.outputs)
    }

    /// Runs `inputs`, of so many rows, where they are such as can be joined, and elements, as this request asks. Counts
    /// nothing.
    pub(crate) fn compute_inputs(
        &self,
        inputs: &[NamedTensor],
        (rows, size): (Option<usize>, usize),
        stop: &StopSignal,
    ) -> Result<Computed, ServiceError> {
        let _span = self.request.span.enter();
        let started = Instant::now();
        let model = &self.served.model;
        let run = || model.run(&self.signature, inputs, &self.request.outputs, stop);
        let outputs = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(panicked(&*panic)))?;
        let elapsed = started.elapsed();
        self.served.cost.learn(size, elapsed);
        if let Some(rows) = rows {
            self.served.learn(rows, size, elapsed);
        }
        Ok(Computed { outputs, started, elapsed })
    }

    /// The outputs that it asks for.
    pub(crate) fn wanted_outputs(&self) -> Vec<String> {
        if !self.request.outputs.is_empty() {
            return self.request.outputs.clone();
        }
        let signature = self.served.model.signatures().get(&self.signature);
        let outputs = signature.iter().flat_map(|signature| &signature.outputs);
        outputs.map(|output| output.spec.name.clone()).collect()
    }

    /// A request for another model on behalf of this one, without inputs as yet.
    pub(crate) fn request_for(&self, model: ModelRef) -> InferRequest {
        InferRequest {
            deadline: self.request.deadline,
            priority: self.request.priority,
            caller: self.request.caller.clone(),
            span: self.request.span.clone(),
            trace: self.request.trace.clone(),
            ..InferRequest::new(model)
        }
    }

    /// Other models have answered it, since the moment `started`.
    pub(crate) fn ran_elsewhere(&self, started: Instant) {
        let (elapsed, rows) = (started.elapsed(), self.rows_counted());
        self.served.metrics.queued(started.saturating_duration_since(self.arrived));
        self.served.metrics.ran(1, rows, elapsed, started + elapsed);
    }

    /// Its answer was known when it was looked for, at the moment `asked`.
    pub(crate) fn found(&self, asked: Instant) {
        self.served.metrics.queued(asked.saturating_duration_since(self.arrived));
        let Some(trace) = &self.request.trace else { return };
        let attributes = vec![
            ("model.name", self.served.name.as_str().into()),
            ("model.version", self.served.version.into()),
        ];
        trace.part("cache", (asked, Instant::now()), attributes);
    }

    /// The run that answers this request has succeeded; it was for so many requests, of so many rows together.
    pub(crate) fn ran(&self, computed: &Computed, requests: usize, rows: usize) {
        self.served.metrics.queued(computed.started.saturating_duration_since(self.arrived));
        let Some(trace) = &self.request.trace else { return };
        trace.part("queue", (self.arrived, computed.started), Vec::new());
        let attributes = vec![
            ("model.name", self.served.name.as_str().into()),
            ("model.version", self.served.version.into()),
            ("batch.requests", (requests as u64).into()),
            ("batch.rows", (rows as u64).into()),
        ];
        trace.part("compute", (computed.started, computed.ended()), attributes);
    }

    pub(crate) fn response(&self, outputs: Vec<NamedTensor>) -> InferResponse {
        InferResponse {
            model_name: self.served.name.clone(),
            model_version: self.served.version,
            signature: self.signature.clone(),
            outputs,
        }
    }

    pub(crate) fn request(&self) -> &InferRequest {
        &self.request
    }

    pub(crate) fn served(&self) -> &Arc<ServedModel> {
        &self.served
    }

    pub(crate) fn signature(&self) -> &str {
        &self.signature
    }

    pub(crate) fn inputs(&self) -> &[NamedTensor] {
        &self.request.inputs
    }

    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Rows of a batch; what runs alone counts as one.
    pub(crate) fn rows(&self) -> usize {
        self.rows.unwrap_or(1)
    }

    /// Rows as they are counted: those of requests that run alone too.
    pub(crate) fn rows_counted(&self) -> usize {
        self.served.metrics.rows_of(&self.request.inputs)
    }

    /// Whether it may share a run.
    pub(crate) fn can_be_joined(&self) -> bool {
        self.rows.is_some()
    }

    /// What it says of a sequence.
    pub(crate) fn sequence(&self) -> Option<&SequencePart> {
        self.request.sequence.as_ref()
    }

    /// Whether an output is kept after its answer.
    pub(crate) fn keeps(&self, output: &str) -> bool {
        self.served.sequences.as_ref().is_some_and(|model| model.keeps(output))
    }

    /// The shapes that an input may have.
    pub(crate) fn pattern(&self, input: &str) -> &[Dim] {
        let signature = self.served.model.signatures().get(&self.signature);
        let found =
            signature.and_then(|signature| signature.inputs.iter().find(|one| one.spec.name == input));
        found.map(|found| found.spec.shape.dims()).unwrap_or_default()
    }

    /// How its inputs are lengthened.
    pub(crate) fn padding(&self) -> Option<&Padding> {
        self.served.padding_of(&self.signature)
    }

    /// How its rows are to be cut, where it has more than a run may.
    ///
    /// # Errors
    /// It has more rows than may be cut.
    pub(crate) fn cuts(&self) -> Result<Vec<Range<usize>>, ServiceError> {
        let Some(most) = self.served.batching.cut_up_to else { return Ok(Vec::new()) };
        let rows = common_rows(self.inputs()).filter(|_| self.served.has_rows(&self.signature));
        let Some(rows) = rows else { return Ok(Vec::new()) };
        if rows > most {
            let text = format!("the request has a batch of {rows}, expected at most {most}");
            return Err(ServiceError::invalid_argument(text));
        }
        let size = self.served.max_rows();
        if rows <= size {
            return Ok(Vec::new());
        }
        Ok((0..rows).step_by(size).map(|start| start..(start + size).min(rows)).collect())
    }

    /// Some of its rows, as a request of their own.
    ///
    /// # Errors
    /// It has no such rows.
    pub(crate) fn part(&self, rows: Range<usize>) -> Result<Self, ServiceError> {
        let slice = |input: &NamedTensor| {
            let tensor = input.tensor.slice_rows(rows.clone())?;
            Ok(NamedTensor::new(input.name.as_str(), tensor))
        };
        let inputs = self.inputs().iter().map(slice).collect::<Result<Vec<_>, ServiceError>>()?;
        let size = inputs.iter().map(|input| size_of_input(&input.tensor)).sum();
        Ok(Self {
            served: Arc::clone(&self.served),
            signature: self.signature.clone(),
            request: InferRequest { inputs, ..self.request.clone() },
            size,
            rows: self.rows.map(|_| rows.len()),
            arrived: self.arrived,
        })
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.request.deadline
    }

    /// With whom this may run.
    fn lane(&self) -> LaneKey {
        let trail = |input: &NamedTensor| {
            let dims = input.tensor.shape().dims().get(1..).unwrap_or_default();
            let dims = match self.padding() {
                None => dims.to_vec(),
                Some(padding) => padding.key(self.pattern(&input.name), &input.name, dims),
            };
            (input.name.clone(), dims)
        };
        let rows = self.rows.map(|_| {
            let mut inputs: Vec<_> = self.request.inputs.iter().map(trail).collect();
            inputs.sort_unstable();
            Rows { signature: self.signature.clone(), outputs: self.request.outputs.clone(), inputs }
        });
        LaneKey { model: Arc::as_ptr(&self.served).addr(), rows }
    }
}

/// A run that succeeded.
pub(crate) struct Computed {
    pub(crate) outputs: Vec<NamedTensor>,
    pub(crate) started: Instant,
    pub(crate) elapsed: Duration,
}

impl Computed {
    pub(crate) fn ended(&self) -> Instant {
        self.started + self.elapsed
    }
}

/// The first dimension that all inputs have; `None` where they differ or there are no rows.
fn common_rows(inputs: &[NamedTensor]) -> Option<usize> {
    let rows = inputs.first()?.tensor.rows().filter(|rows| *rows > 0)?;
    inputs.iter().all(|input| input.tensor.rows() == Some(rows)).then_some(rows)
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

/// Ends the wait of a caller who stopped waiting, for whatever reason.
struct LeaveOnDrop(Arc<Seat>);

impl Drop for LeaveOnDrop {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Waits until a deadline passes.
pub(crate) async fn passed(deadline: Deadline) {
    match deadline.instant() {
        Some(moment) => sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

/// What a request is told that was not queued.
pub(crate) fn refused(served: &ServedModel, refusal: Refusal) -> ServiceError {
    match refusal {
        Refusal::Closed => draining(),
        Refusal::NoRoom(NoRoom::Full(wait)) => {
            served.overloaded("too many requests wait to be computed", wait)
        }
        Refusal::NoRoom(NoRoom::Late(wait)) => {
            let text = format!("requests wait for {} ms, longer than the deadline allows", wait.as_millis());
            served.overloaded(text, wait)
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> ServiceError {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    ServiceError::internal("the engine failed", format!("panic: {text}"))
}
