//! A request for a version whose answers are remembered.

use std::sync::Arc;
use std::time::Instant;

use tokio::task::spawn_blocking;
use wharf_infer::{InferResponse, ServiceError};

use crate::ModelManager;
use crate::admission::AdmissionPermit;
use crate::cache::{CacheKey, CachePart};
use crate::infer::Task;
use crate::served::ServedModel;

/// From so many elements on, making the key takes longer than a thread that listens may be held up: about 300 us.
const LARGE: usize = 1 << 18;

impl ModelManager {
    /// Gives the answer that an equal request had, or computes it and remembers it. Errors are not remembered.
    pub(crate) async fn remember(
        &self,
        task: Task,
        permit: AdmissionPermit,
    ) -> Result<InferResponse, ServiceError> {
        let served = Arc::clone(task.served());
        let Some(answers) = &served.cache else { return self.compute(task, permit).await };
        let asked = Instant::now();
        let key = key_of(&task, &served, answers).await?;
        if let Some(outputs) = answers.find(&key) {
            served.metrics.cache_hit(asked.elapsed());
            task.found(asked);
            return Ok(task.response(outputs));
        }
        served.metrics.cache_miss(asked.elapsed());
        let response = self.compute(task, permit).await?;
        let computed = Instant::now();
        answers.keep(key, &response.outputs);
        served.metrics.remembered(computed.elapsed());
        Ok(response)
    }
}

async fn key_of(
    task: &Task,
    served: &Arc<ServedModel>,
    answers: &CachePart,
) -> Result<CacheKey, ServiceError> {
    // Who names all outputs asks for the same as who names none.
    let outputs = task.wanted_outputs();
    if task.size() < LARGE {
        return Ok(answers.key(task.signature(), task.inputs(), &outputs));
    }
    let (served, signature) = (Arc::clone(served), task.signature().to_owned());
    let inputs = task.inputs().to_vec();
    let make = move || served.cache.as_ref().map(|answers| answers.key(&signature, &inputs, &outputs));
    let key = spawn_blocking(make).await.ok().flatten();
    key.ok_or_else(|| ServiceError::internal("the request failed", "its key could not be made"))
}
