//! One request to an ensemble.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use tokio::task::JoinSet;
use wharf_infer::{ErrorCode, InferRequest, InferResponse, ServiceError};

use super::Ensemble;
use super::flow::Flow;
use crate::ModelManager;
use crate::infer::{Answer, Task};

impl ModelManager {
    /// Asks the members, those at the same time whose inputs are there. Whoever leaves takes the steps along.
    pub(crate) async fn run_ensemble(&self, task: Task) -> Answer {
        let served = std::sync::Arc::clone(task.served());
        let Some(ensemble) = &served.ensemble else {
            return Err(ServiceError::internal("the model cannot run", "it is no ensemble"));
        };
        let started = Instant::now();
        let wanted = task.wanted_outputs();
        let mut flow = Flow::new(ensemble.steps(), task.inputs(), &wanted);
        self.run_steps(&task, ensemble, &mut flow).await?;
        let outputs = wanted.iter().map(|name| {
            flow.take(name).ok_or_else(|| ServiceError::internal("the model failed", "an output is missing"))
        });
        let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
        task.ran_elsewhere(started);
        Ok(task.response(outputs))
    }

    async fn run_steps(
        &self,
        task: &Task,
        ensemble: &Ensemble,
        flow: &mut Flow<'_>,
    ) -> Result<(), ServiceError> {
        let steps = ensemble.steps();
        let mut running = JoinSet::new();
        loop {
            let mut ready = flow.take_ready();
            // Of several, all but one go their own way; one alone needs no task of its own.
            let here = if running.is_empty() && ready.len() == 1 { ready.pop() } else { None };
            for place in ready {
                let (manager, request) = (self.clone(), request(task, ensemble, place, flow));
                running.spawn(async move { (place, manager.step(request).await) });
            }
            let (place, answer) = match here {
                Some(place) => {
                    let request = request(task, ensemble, place, flow);
                    (place, self.step(request).await)
                }
                None => match running.join_next().await {
                    None => return Ok(()),
                    Some(Ok(done)) => done,
                    Some(Err(error)) => {
                        return Err(ServiceError::internal("a step of the ensemble failed", error));
                    }
                },
            };
            let model = &task.served().name;
            let response = answer.map_err(|error| failed(&error, model, place, &steps[place].model))?;
            flow.finish(place, response.outputs);
        }
    }

    /// Asks a member: as [`ModelManager::infer`] does, within the leave that the ensemble's request has.
    fn step(&self, request: InferRequest) -> Pin<Box<dyn Future<Output = Answer> + Send + '_>> {
        Box::pin(async move {
            let mut call = self.0.metrics.call(request.deadline);
            let permit = self.0.admission.admit_step();
            let answer: Result<InferResponse, ServiceError> = self.admitted(request, permit, &mut call).await;
            call.finish(&answer);
            answer
        })
    }
}

fn request(task: &Task, ensemble: &Ensemble, place: usize, flow: &mut Flow<'_>) -> InferRequest {
    let step = &ensemble.steps()[place];
    let outputs = step.outputs.iter().map(|output| output.model_tensor.clone()).collect();
    let sequence = task.sequence().filter(|_| ensemble.is_in_sequences(place)).cloned();
    InferRequest { inputs: flow.inputs_of(place), outputs, sequence, ..task.request_for(step.reference()) }
}

/// A failure of a member, as the ensemble's client is told of it. That a member is not there is nothing that the client
/// could have known.
fn failed(error: &ServiceError, ensemble: &str, place: usize, model: &str) -> ServiceError {
    let code = match error.code() {
        ErrorCode::NotFound => ErrorCode::Unavailable,
        code => code,
    };
    let number = place + 1;
    let text = format!("in ensemble '{ensemble}', step {number} (`{model}`): {}", error.message());
    let mut failure = ServiceError::new(code, text);
    if let Some(detail) = error.detail() {
        failure = failure.with_detail(detail);
    }
    match error.retry_after() {
        Some(wait) => failure.with_retry_after(wait),
        None => failure,
    }
}
