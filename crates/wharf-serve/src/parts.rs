//! A request of more rows than a run may have, cut into several.

use std::ops::Range;

use tokio::task::JoinSet;
use wharf_infer::{NamedTensor, ServiceError};
use wharf_tensor::Tensor;

use crate::ModelManager;
use crate::admission::AdmissionPermit;
use crate::infer::{Answer, Task};

impl ModelManager {
    /// Runs the parts of a request, each with others where that can be, and joins what they give. Where a part fails, the
    /// request does.
    pub(crate) async fn run_parts(
        &self,
        task: Task,
        cuts: Vec<Range<usize>>,
        permit: AdmissionPermit,
    ) -> Answer {
        let mut running = JoinSet::new();
        for (place, rows) in cuts.iter().enumerate() {
            let (part, server) = (task.part(rows.clone())?, self.clone());
            let permit = self.0.admission.admit_step();
            running.spawn(async move {
                let closing = server.0.closing.subscribe();
                (place, part.run_on(&server.0.pool, permit, closing).await)
            });
        }
        let mut parts: Vec<Vec<NamedTensor>> = vec![Vec::new(); cuts.len()];
        while let Some(done) = running.join_next().await {
            let (place, answer) =
                done.map_err(|error| ServiceError::internal("a part of the request failed", error))?;
            parts[place] = answer?.outputs;
        }
        match joined(&parts, &cuts) {
            Some(outputs) => Ok(task.response(outputs)),
            // Outputs do not follow rows: it has to be run whole.
            None => {
                task.served().stop_batching();
                task.run_on(&self.0.pool, permit, self.0.closing.subscribe()).await
            }
        }
    }
}

/// The outputs of all parts, one after the other; `None` where one has not a row for each of its part.
fn joined(parts: &[Vec<NamedTensor>], cuts: &[Range<usize>]) -> Option<Vec<NamedTensor>> {
    let follows = |(part, rows): (&Vec<NamedTensor>, &Range<usize>)| {
        part.iter().all(|output| output.tensor.rows() == Some(rows.len()))
    };
    if !parts.iter().zip(cuts).all(follows) {
        return None;
    }
    let join_one = |(index, first): (usize, &NamedTensor)| {
        let tensors = parts.iter().map(|part| part.get(index).map(|output| &output.tensor));
        let tensor = Tensor::concat_rows(&tensors.collect::<Option<Vec<_>>>()?).ok()?;
        Some(NamedTensor::new(first.name.as_str(), tensor))
    };
    parts.first()?.iter().enumerate().map(join_one).collect()
}
