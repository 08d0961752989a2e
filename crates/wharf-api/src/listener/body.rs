//! Request bodies, held to a pace.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

use super::Held;
use super::clock::Clock;
use crate::Limits;
use crate::grpc::to_status;

/// A body that fails once it comes too slowly, so that nobody can hold a connection open by a trickle.
#[derive(Debug)]
pub(crate) struct RequestBody {
    inner: Incoming,
    grace: Duration,
    bytes_per_second: u32,
    received: u64,
    started: Instant,
    /// When the body is late; made at the first wait, for most bodies are there at once.
    late: Option<Pin<Box<Sleep>>>,
    has_ended: bool,
    clock: Arc<Clock>,
    held: Arc<Held>,
}

impl RequestBody {
    pub(super) fn new(inner: Incoming, limits: &Limits, clock: Arc<Clock>, held: Arc<Held>) -> Self {
        Self {
            inner,
            grace: limits.body_grace,
            bytes_per_second: limits.min_body_bytes_per_second.max(1),
            received: 0,
            started: Instant::now(),
            late: None,
            has_ended: false,
            clock,
            held,
        }
    }

    /// What the request takes of the memory.
    pub(crate) fn held(&self) -> Arc<Held> {
        Arc::clone(&self.held)
    }

    /// By when more must have come.
    fn due(&self) -> Instant {
        let earned = Duration::from_secs(self.received / u64::from(self.bytes_per_second));
        self.started + self.grace.max(earned.saturating_add(Duration::from_secs(1)))
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let due = self.due();
        let late = self.late.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if late.deadline() != due {
            late.as_mut().reset(due);
        }
        late.as_mut().poll(context)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.received += length as u64;
                Poll::Ready(Some(self.held.take(length).map(|()| frame).map_err(|error| to_status(&error))))
            }
            Poll::Ready(Some(Err(error))) => {
                let text =
                    if error.is_timeout() { "request body timed out" } else { "request body is broken" };
                Poll::Ready(Some(Err(Status::invalid_argument(text))))
            }
            Poll::Ready(None) => {
                self.has_ended = true;
                Poll::Ready(None)
            }
            Poll::Pending => self
                .poll_late(context)
                .map(|()| Some(Err(Status::deadline_exceeded("request body comes too slowly")))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.has_ended && !self.inner.is_end_stream() {
            self.clock.leave_unread();
        }
    }
}
