//! `/api/pull` and `/api/copy`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver};
use tokio_stream::Stream;
use tonic::Status;
use tonic::body::Body;
use wharf_infer::ServiceError;
use wharf_infer::language::Answered;

use super::store::{ModelStore, PullReport, PullStep};
use crate::language::{Fields, Refusal};
use crate::rest::Failure;

/// Steps that wait for a client that reads slowly; the download waits beyond that.
const WAITING_STEPS: usize = 64;

/// What is asked of a pull.
pub(super) struct Pull {
    /// The work on it, and its steps.
    work: PullWork,
    /// Whether the steps are sent as they come.
    pub(super) streams: bool,
}

/// The store, where there is one.
///
/// # Errors
/// This server lets clients add no models.
pub(super) fn allowed(store: Option<&Arc<dyn ModelStore>>) -> Result<Arc<dyn ModelStore>, Refusal> {
    let text = "this server takes no models from clients: its operator adds them by `wharf pull` or `wharf import`, or \
                lets clients do so by `wharf serve --pull-from`";
    store.cloned().ok_or_else(|| Failure::new(StatusCode::NOT_IMPLEMENTED, text).into())
}

/// Reads a request, and begins.
///
/// # Errors
/// A field is wrong.
pub(super) fn begin(store: Arc<dyn ModelStore>, mut fields: Fields) -> Result<Pull, Refusal> {
    let old = fields.text("name")?;
    let address = fields.text("model")?.or(old).filter(|address| !address.is_empty());
    let address = address.ok_or_else(|| fields.refused("model", "is missing, expected a string"))?;
    // Which hosts are asked without encryption is the operator's matter.
    fields.only("insecure", &[json!(false)])?;
    let streams = fields.boolean("stream")?.unwrap_or(true);
    fields.finish()?;
    Ok(Pull { work: PullWork::begin(store, address), streams })
}

/// Copies a model.
///
/// # Errors
/// A field is wrong, or there is no such model.
pub(super) async fn copy(store: Arc<dyn ModelStore>, mut fields: Fields) -> Result<(), Refusal> {
    let names = (fields.required_text("source")?, fields.required_text("destination")?);
    fields.finish()?;
    let bare = |name: String| name.strip_suffix(":latest").map(str::to_owned).unwrap_or(name);
    Ok(store.copy(bare(names.0), bare(names.1)).await?)
}

impl Pull {
    /// Waits for the end.
    ///
    /// # Errors
    /// The model cannot be had.
    pub(super) async fn whole(mut self) -> Result<Value, Refusal> {
        while let Some(step) = std::future::poll_fn(|context| self.work.poll_step(context)).await {
            step?;
        }
        Ok(json!({"status": "success"}))
    }

    /// The steps as they come, once it is clear that there are any.
    ///
    /// # Errors
    /// The model cannot be had, which showed at once.
    pub(super) async fn stream(mut self) -> Result<Body, Refusal> {
        let first = std::future::poll_fn(|context| self.work.poll_step(context)).await;
        let first = first.transpose()?;
        Ok(Body::new(StreamBody::new(Lines { first, work: Some(self.work) })))
    }
}

/// A pull under way. Dropped before its end, it ends with its next step.
struct PullWork {
    work: Option<Answered<'static, ()>>,
    steps: Receiver<PullStep>,
    /// How it ended, if it did not end well.
    failure: Option<ServiceError>,
}

impl PullWork {
    fn begin(store: Arc<dyn ModelStore>, address: String) -> Self {
        let (sender, steps) = mpsc::channel(WAITING_STEPS);
        let report: PullReport = Box::new(move |step| sender.blocking_send(step).is_ok());
        Self { work: Some(store.pull(address, report)), steps, failure: None }
    }

    /// The next step; nothing after the last. What has been reported comes before how it ended.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<PullStep, ServiceError>>> {
        loop {
            if let Poll::Ready(Some(step)) = self.steps.poll_recv(context) {
                return Poll::Ready(Some(Ok(step)));
            }
            let Some(work) = &mut self.work else {
                return Poll::Ready(self.failure.take().map(Err));
            };
            match work.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                // Once more: there may be steps that it has left behind.
                Poll::Ready(outcome) => (self.work, self.failure) = (None, outcome.err()),
            }
        }
    }
}

/// The lines of a pull.
struct Lines {
    first: Option<PullStep>,
    work: Option<PullWork>,
}

impl Stream for Lines {
    type Item = Result<Frame<Bytes>, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(line(&document(&first)))));
        }
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        let step = match work.poll_step(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(step) => step,
        };
        let last = match step {
            Some(Ok(step)) => return Poll::Ready(Some(Ok(line(&document(&step))))),
            Some(Err(error)) => json!({"error": Failure::from(error).message()}),
            None => json!({"status": "success"}),
        };
        self.work = None;
        Poll::Ready(Some(Ok(line(&last))))
    }
}

fn line(document: &Value) -> Frame<Bytes> {
    Frame::data(format!("{document}\n").into())
}

/// A step in Ollama's words. What is not known is left out.
fn document(step: &PullStep) -> Value {
    let mut document = json!({"status": step.status});
    let digest = step.sha256.as_ref().map(|digest| json!(format!("sha256:{digest}")));
    for (name, value) in [
        ("digest", digest),
        ("total", step.total_bytes.map(|bytes| json!(bytes))),
        ("completed", step.done_bytes.map(|bytes| json!(bytes))),
    ] {
        if let Some(value) = value {
            document[name] = value;
        }
    }
    document
}
