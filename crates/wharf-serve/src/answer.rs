//! From a request to its answer: let in, routed, watched, and run wherever that is best.

use std::sync::Arc;
use std::time::Instant;

use wharf_infer::{Deadline, InferRequest, InferResponse, ModelRef, ServiceError, VersionChoice};

use crate::admission::AdmissionPermit;
use crate::batch::Candidate;
use crate::infer::{Task, deadline_exceeded, refused};
use crate::manager::Held;
use crate::metrics::Call;
use crate::sequence::stateless;
use crate::served::ServedModel;
use crate::traffic::{Guard, Watched};
use crate::{ModelInfo, ModelManager, StickyKeys};

impl ModelManager {
    /// Answers one request.
    ///
    /// # Errors
    /// The server stops or is overloaded; the model, version, label or signature does not exist; the inputs or
    /// outputs do not fit; the deadline passed; the run failed.
    pub async fn infer(&self, request: InferRequest) -> Result<InferResponse, ServiceError> {
        let mut call = self.0.metrics.call(request.deadline);
        let answer = self.answer(request, &mut call).await;
        call.finish(&answer);
        answer
    }

    /// Answers one request by the version that was found for it, also where that is routed to no more meanwhile: a
    /// request that has begun is finished.
    ///
    /// # Errors
    /// As [`ModelManager::infer`].
    pub async fn infer_by(
        &self,
        found: &ModelInfo,
        request: InferRequest,
    ) -> Result<InferResponse, ServiceError> {
        let Some(Held(served)) = &found.served else { return self.infer(request).await };
        let mut call = self.0.metrics.call(request.deadline);
        call.is_of(&served.metrics);
        let answer = match self.0.admission.admit() {
            Ok(permit) => {
                let served = self.at_home(Arc::clone(served), &request, found.names_version);
                self.answer_by(served, request, permit, &call).await
            }
            Err(refusal) => Err(refusal),
        };
        call.finish(&answer);
        answer
    }

    async fn answer(
        &self,
        request: InferRequest,
        call: &mut Call<'_>,
    ) -> Result<InferResponse, ServiceError> {
        let permit = match self.0.admission.admit() {
            Ok(permit) => permit,
            Err(refusal) => {
                if let Ok(served) = self.route(&request.model) {
                    call.is_of(&served.metrics);
                }
                return Err(refusal);
            }
        };
        self.admitted(request, permit, call).await
    }

    /// Answers a request that has been let in.
    pub(crate) async fn admitted(
        &self,
        request: InferRequest,
        permit: AdmissionPermit,
        call: &mut Call<'_>,
    ) -> Result<InferResponse, ServiceError> {
        let _hold = self.wake(&request.model).await?;
        let names_version = request.model.version != VersionChoice::Latest;
        let served = self.at_home(self.route(&request.model)?, &request, names_version);
        call.is_of(&served.metrics);
        self.answer_by(served, request, permit, call).await
    }

    async fn answer_by(
        &self,
        served: Arc<ServedModel>,
        request: InferRequest,
        permit: AdmissionPermit,
        call: &Call<'_>,
    ) -> Result<InferResponse, ServiceError> {
        let (guard, shadow) = self.0.registry.routes().observers_of(&served);
        // A copy of one request of a sequence would find no state.
        let shadow = shadow.filter(|_| request.sequence.is_none());
        let copy = shadow.and_then(|shadow| shadow.copy(&request));
        let answer = self.watched(served, request, permit, (guard, call.arrived())).await;
        if let (Some(copy), Ok(answer)) = (copy, &answer) {
            self.0.shadows.submit(copy.answered(answer));
        }
        answer
    }

    async fn watched(
        &self,
        served: Arc<ServedModel>,
        request: InferRequest,
        permit: AdmissionPermit,
        (guard, arrived): (Option<Arc<Guard>>, Instant),
    ) -> Result<InferResponse, ServiceError> {
        let Some(guard) = guard else { return self.run(served, request, permit, arrived).await };
        let watched = Watched::new(self, guard, request.deadline);
        let answer = self.run(served, request, permit, arrived).await;
        watched.answered(&answer);
        answer
    }

    /// Whether a request for a version would be taken up now, by what is known before it has been read: under overload,
    /// reading what is then refused costs more than it is worth. Without a version, the newest is meant.
    ///
    /// # Errors
    /// Too many requests wait, or they wait for longer than the deadline allows, or the server stops.
    pub fn check_room(
        &self,
        name: &str,
        version: Option<u64>,
        deadline: Deadline,
    ) -> Result<(), ServiceError> {
        let routes = self.0.registry.routes();
        // One that is not there is refused with more words, once it has been read.
        let Some(served) = routes.ready(name, version) else { return Ok(()) };
        let rank = served.batching.rank(0);
        let one = Candidate {
            model: Arc::as_ptr(served).addr(),
            queue: served.queue(rank),
            rank,
            arrived: Instant::now(),
            cost: None,
            deadline: deadline.instant(),
        };
        self.0.pool.check_room(&one).map_err(|refusal| {
            let error = refused(served, refusal);
            served.metrics.refused(error.code());
            error
        })
    }

    pub(crate) fn route(&self, model: &ModelRef) -> Result<Arc<ServedModel>, ServiceError> {
        self.0.registry.routes().find(model, &StickyKeys::default()).cloned()
    }

    /// Runs a request that has been let in, or finds the answer that an equal one had.
    pub(crate) async fn run(
        &self,
        served: Arc<ServedModel>,
        request: InferRequest,
        permit: AdmissionPermit,
        arrived: Instant,
    ) -> Result<InferResponse, ServiceError> {
        let deadline = request.deadline;
        if served.sequences.is_some() {
            if deadline.has_passed() {
                return Err(deadline_exceeded());
            }
            // Few need the room that it takes.
            return Box::pin(self.run_in_sequence(served, request, permit, arrived)).await;
        }
        if request.sequence.is_some() && !served.takes_sequences() {
            return Err(stateless());
        }
        let task = Task::new(served, request, arrived)?;
        if deadline.has_passed() {
            return Err(deadline_exceeded());
        }
        if task.served().cache.is_none() {
            return self.compute(task, permit).await;
        }
        self.remember(task, permit).await
    }

    pub(crate) async fn compute(
        &self,
        task: Task,
        permit: AdmissionPermit,
    ) -> Result<InferResponse, ServiceError> {
        if task.served().ensemble.is_some() {
            return self.run_ensemble(task).await;
        }
        if let Some(encoder) = task.served().model.encoder_of_text(task.signature()).cloned() {
            return self.run_texts(task, &encoder).await;
        }
        let cuts = task.cuts()?;
        if !cuts.is_empty() {
            return self.run_parts(task, cuts, permit).await;
        }
        if task.runs_here(self.0.config.limits.inline_below, self.0.admission.in_flight()) {
            return task.run_here();
        }
        task.run_on(&self.0.pool, permit, self.0.closing.subscribe()).await
    }
}
