//! Rows of tokens, each a request of its own in the line of the model.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{JoinSet, spawn_blocking};
use wharf_encode::TokenRow;
use wharf_engine::{LoadedEncoder, TOKENS_SIGNATURE};
use wharf_infer::{InferRequest, NamedTensor, ServiceError};
use wharf_tensor::Tensor;

use crate::ModelManager;
use crate::infer::{Answer, Task};
use crate::served::ServedModel;

/// From so many bytes of text on, cutting it into tokens takes longer than a thread that listens may be held up: some
/// 200 us.
const LONG: usize = 2048;

/// Runs for which a request may have rows in line: one that is under way, one that is next. The rest waits outside of the
/// line, so that others get their turns and the line stays short.
const RUNS_IN_LINE: usize = 2;

impl ModelManager {
    /// Answers a request of texts.
    pub(crate) async fn run_texts(&self, task: Task, encoder: &Arc<LoadedEncoder>) -> Answer {
        let served = Arc::clone(task.served());
        let inputs = task.inputs().to_vec();
        let rows = cut(encoder, task.size(), move |encoder| encoder.rows(&inputs)).await?;
        let vectors = self.run_rows(&served, rows, task.request()).await?;
        let name = task.wanted_outputs().into_iter().next().unwrap_or_default();
        Ok(task.response(vec![NamedTensor::new(name, vectors)]))
    }

    /// The vectors of rows, in their order, each with the leave, the deadline and the caller of the request that they are of.
    /// Where one fails, all do. Whoever leaves takes along what has not run.
    ///
    /// # Shapes
    /// `[rows, size]`.
    pub(crate) fn run_rows<'a>(
        &'a self,
        served: &'a Arc<ServedModel>,
        rows: Vec<TokenRow>,
        like: &'a InferRequest,
    ) -> Pin<Box<dyn Future<Output = Result<Tensor, ServiceError>> + Send + 'a>> {
        Box::pin(async move {
            let mut rows: Vec<_> = rows.into_iter().enumerate().collect();
            // Neighbours in line are of about one length. The longest begin: nobody waits for one of them at the end.
            rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.len()));
            let mut vectors: Vec<Option<Tensor>> = vec![None; rows.len()];
            if let [(place, row)] = &rows[..] {
                vectors[*place] = Some(self.run_row(served, row, like)?.await?);
                return joined(vectors);
            }
            let most = RUNS_IN_LINE * served.max_rows().max(self.0.config.limits.workers);
            let (mut waiting, mut running) = (rows.into_iter(), JoinSet::new());
            loop {
                while running.len() < most
                    && let Some((place, row)) = waiting.next()
                {
                    let answer = self.run_row(served, &row, like)?;
                    running.spawn(async move { (place, answer.await) });
                }
                let Some(done) = running.join_next().await else { return joined(vectors) };
                let (place, vector) = done.map_err(|error| ServiceError::internal("a text failed", error))?;
                vectors[place] = Some(vector?);
            }
        })
    }

    /// Puts one row into the line.
    fn run_row(
        &self,
        served: &Arc<ServedModel>,
        row: &TokenRow,
        like: &InferRequest,
    ) -> Result<impl Future<Output = Result<Tensor, ServiceError>> + Send + use<>, ServiceError> {
        let encoder = served.model.encoder().ok_or_else(|| failed("the model is no encoder"))?;
        let request = InferRequest {
            signature: Some(TOKENS_SIGNATURE.to_owned()),
            inputs: encoder.inputs(std::slice::from_ref(row))?,
            outputs: Vec::new(),
            ..like.clone()
        };
        let (server, served) = (self.clone(), Arc::clone(served));
        let permit = self.0.admission.admit_step();
        Ok(async move {
            let answer = server.run(served, request, permit, Instant::now()).await?;
            answer
                .outputs
                .into_iter()
                .next()
                .map(|output| output.tensor)
                .ok_or_else(|| failed("there is no vector"))
        })
    }
}

/// Has the tokenizer work where it holds up nobody: `size` is that of the texts in bytes.
pub(super) async fn cut<T: Send + 'static>(
    encoder: &Arc<LoadedEncoder>,
    size: usize,
    work: impl FnOnce(&LoadedEncoder) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    if size < LONG {
        return work(encoder);
    }
    let encoder = Arc::clone(encoder);
    let done = spawn_blocking(move || work(&encoder)).await;
    done.map_err(|error| ServiceError::internal("a text could not be cut into tokens", error))?
}

fn joined(vectors: Vec<Option<Tensor>>) -> Result<Tensor, ServiceError> {
    let vectors: Option<Vec<&Tensor>> = vectors.iter().map(Option::as_ref).collect();
    let vectors = vectors.ok_or_else(|| failed("a vector is missing"))?;
    Ok(Tensor::concat_rows(&vectors)?)
}

fn failed(detail: &str) -> ServiceError {
    ServiceError::internal("the model failed", detail)
}
