//! A request of a sequence, from its arrival to its answer.

use std::future::Future;
use std::sync::Arc;
use std::time;

use tokio::time::Instant;
use wharf_bundle::DEFAULT_SIGNATURE;
use wharf_infer::{Deadline, ErrorCode, InferRequest, InferResponse, SequenceId, SequencePart, ServiceError};

use super::book::Keeper;
use super::reap::reap;
use super::{Arrival, Bounds, Place, SequenceModel, States, Turn};
use crate::ModelManager;
use crate::admission::{AdmissionPermit, draining};
use crate::demand::Hold;
use crate::infer::{Task, deadline_exceeded, effective_signature, passed};
use crate::served::ServedModel;

/// What keeps a version loaded while it has open sequences.
pub(crate) struct Home {
    pub(crate) served: Arc<ServedModel>,
    /// Where models come and go by demand, others have to find their place elsewhere meanwhile.
    _hold: Option<Hold>,
}

impl Keeper for Arc<Home> {
    fn expired(&self) {
        self.served.metrics.sequences_expired.increment();
    }
}

impl ModelManager {
    /// The version that is to answer: for a request that goes on with a sequence and names no version, the one on which
    /// the sequence began, also where that is routed to no more.
    pub(crate) fn at_home(
        &self,
        served: Arc<ServedModel>,
        request: &InferRequest,
        names_version: bool,
    ) -> Arc<ServedModel> {
        let part = request.sequence.as_ref().filter(|part| !part.starts && !names_version);
        let Some(id) = part.and_then(|part| part.id.clone()) else { return served };
        let home = self.0.sequences.home(&place(&served, request, id));
        home.map_or(served, |home| Arc::clone(&home.served))
    }

    /// Answers a request to a model that keeps states: when those before it in its sequence have been answered.
    pub(crate) async fn run_in_sequence(
        &self,
        served: Arc<ServedModel>,
        request: InferRequest,
        permit: AdmissionPermit,
        arrived: time::Instant,
    ) -> Result<InferResponse, ServiceError> {
        let Some(model) = served.sequences.as_ref() else { return Err(stateless()) };
        let (deadline, part) = (request.deadline, request.sequence.clone().unwrap_or_default());
        let id = model.id(&served.name, Some(&part))?;
        model.check(&served.name, &request.inputs, &request.outputs)?;
        // What does not fit the model does not wait, and opens nothing.
        let signature = effective_signature(request.signature.as_deref());
        let probe = filled(&request, model, (&id, &part), &model.initial())?;
        served.model.check(signature, &probe.inputs, &probe.outputs)?;
        let place = place(&served, &request, id.clone());
        let mut turn = self.turn(&served, model, place.clone(), (part.starts, deadline)).await?;
        let states = match turn.states() {
            _ if part.starts => model.initial(),
            Some(states) => states,
            None => return Err(place.not_begun()),
        };
        if let Some(slots) = model.slots.as_ref().filter(|_| !turn.has_slot()) {
            let most = self.bounds(&served, model).waiting;
            turn.take_slot(self.in_time(deadline, slots.take(most)).await??);
        }
        let wanted = request.outputs.clone();
        let request = filled(&request, model, (&id, &part), &states)?;
        let task = Task::new(Arc::clone(&served), request, arrived)?;
        let mut response = self.compute(task, permit).await?;
        let states = model.take_states(&mut response, &wanted)?;
        match part.ends {
            true => turn.end(),
            false => turn.keep(states)?,
        }
        Ok(response)
    }

    /// The turn of a request. Comes to the line of its sequence without waiting for anything: requests go in the order in
    /// which they come here.
    async fn turn(
        &self,
        served: &Arc<ServedModel>,
        model: &SequenceModel,
        place: Place,
        (starts, deadline): (bool, Deadline),
    ) -> Result<Turn<Arc<Home>>, ServiceError> {
        let book = &self.0.sequences;
        if book.needs_reaper() {
            self.0.tasks.spawn(reap(Arc::downgrade(&self.0), Arc::downgrade(book)));
        }
        let (bounds, address) = (self.bounds(served, model), Arc::as_ptr(served).addr());
        let home = || {
            let hold = self.0.config.on_demand.as_ref().map(|_| self.0.usage.hold(&served.name));
            Arc::new(Home { served: Arc::clone(served), _hold: hold })
        };
        match book.arrive(place, starts, (bounds, address), home, Instant::now())? {
            Arrival::Now(turn) => Ok(turn),
            Arrival::Later(turn) => self.in_time(deadline, turn).await?.map_err(|_| gone()),
        }
    }

    fn bounds(&self, served: &ServedModel, model: &SequenceModel) -> Bounds {
        let limits = &self.0.config.limits;
        Bounds {
            open: limits.max_sequences,
            open_of_caller: limits.max_sequences_of_caller,
            bytes: limits.max_sequence_bytes,
            // Those of one model do not take all the room that there is for waiting.
            waiting: served.batching.queue.max_waiting.min(limits.max_waiting),
            idle: model.max_idle,
            bytes_at_start: model.bytes_at_start(),
        }
    }

    /// What `waiting` gives, unless by then the deadline has passed or the server waits no longer.
    async fn in_time<T>(
        &self,
        deadline: Deadline,
        waiting: impl Future<Output = T>,
    ) -> Result<T, ServiceError> {
        let mut closing = self.0.closing.subscribe();
        tokio::select! {
            biased;
            done = waiting => Ok(done),
            () = passed(deadline) => Err(deadline_exceeded()),
            _ = closing.wait_for(|is_closing| *is_closing) => Err(draining()),
        }
    }
}

fn place(served: &ServedModel, request: &InferRequest, id: SequenceId) -> Place {
    Place { model: served.name.as_str().into(), version: served.version, caller: request.caller.clone(), id }
}

/// A request with what the server adds to it.
fn filled(
    request: &InferRequest,
    model: &SequenceModel,
    (id, part): (&SequenceId, &SequencePart),
    states: &States,
) -> Result<InferRequest, ServiceError> {
    let mut filled = request.clone();
    filled.inputs.extend(model.inputs(id, part, states)?);
    filled.outputs = model.outputs(DEFAULT_SIGNATURE, &request.outputs);
    Ok(filled)
}

/// What a request is told that says it belongs to a sequence, where nothing is kept for such. Triton takes it as any other
/// request; but who sends one expects a state, and would take an answer without it for one with it.
pub(crate) fn stateless() -> ServiceError {
    ServiceError::invalid_argument("the request belongs to a sequence, but the model keeps no state")
}

fn gone() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the sequence has ended: its model was unloaded")
}
