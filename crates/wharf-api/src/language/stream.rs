//! Answers that are sent while they are made.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http_body::Frame;
use http_body_util::StreamBody;
use tokio::time::{Instant, Sleep, sleep};
use tokio_stream::Stream;
use tonic::Status;
use tonic::body::Body;

use super::{ChatEvent, ChatRun};

/// A reading of a long prompt must not look like a dead connection: proxies and clients give up after a minute.
const PING_EVERY: Duration = Duration::from_secs(10);

/// Writes the events of an answer as its wire has them.
pub(crate) trait EventWriter: Send + 'static {
    /// What stands before the first event.
    fn begin(&mut self, output: &mut Vec<u8>);

    /// One event.
    fn event(&mut self, event: ChatEvent, output: &mut Vec<u8>);

    /// What shows that the server lives; empty where the wire has nothing for it.
    fn ping(&self) -> &'static [u8];
}

/// The body that `writer` makes of `run`. Dropped before its end, it ends the request.
pub(crate) fn stream_body(run: ChatRun, writer: impl EventWriter) -> Body {
    Body::new(StreamBody::new(Events {
        run,
        writer,
        has_begun: false,
        is_over: false,
        ping: Box::pin(sleep(PING_EVERY)),
    }))
}

/// A reply with a body that is being made: nothing between here and the client may keep it until there is more of it.
pub(crate) fn stream_reply(body: Body, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Events<W> {
    run: ChatRun,
    writer: W,
    has_begun: bool,
    is_over: bool,
    ping: Pin<Box<Sleep>>,
}

impl<W> Unpin for Events<W> {}

impl<W: EventWriter> Stream for Events<W> {
    type Item = Result<Frame<Bytes>, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let mut output = Vec::new();
        if !this.has_begun {
            this.has_begun = true;
            this.writer.begin(&mut output);
        }
        // What is there already goes out in one piece.
        while !this.is_over {
            match this.run.poll_next(context) {
                Poll::Ready(Some(event)) => this.writer.event(event, &mut output),
                Poll::Ready(None) => this.is_over = true,
                Poll::Pending => break,
            }
        }
        if output.is_empty() && !this.is_over && this.ping.as_mut().poll(context).is_ready() {
            output.extend_from_slice(this.writer.ping());
            this.ping.as_mut().reset(Instant::now() + PING_EVERY);
            // Again, to be woken for the next.
            let _ = this.ping.as_mut().poll(context);
        }
        if output.is_empty() {
            return if this.is_over { Poll::Ready(None) } else { Poll::Pending };
        }
        this.ping.as_mut().reset(Instant::now() + PING_EVERY);
        Poll::Ready(Some(Ok(Frame::data(output.into()))))
    }
}
