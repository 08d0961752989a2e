//! Reply bodies: handed over in small pieces, and counted until they are.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tonic::Status;

use super::InFlight;
use super::clock::Busy;

/// The largest piece that is handed over at once. Below HTTP/2 all of a piece waits, whatever its client has room for.
const PIECE: usize = 64 << 10;

/// A reply body that keeps its request counted until it has been handed over, or dropped.
#[derive(Debug)]
pub(super) struct ReplyBody {
    inner: tonic::body::Body,
    /// What was taken from it and not handed over yet.
    ahead: Option<Frame<Bytes>>,
    /// Whether all of the body is counted as unsent already.
    is_counted: bool,
    busy: Option<Busy>,
    _in_flight: Option<InFlight>,
}

impl ReplyBody {
    /// The body of a request under way, and how many bytes of it are there.
    pub(super) fn new(mut inner: tonic::body::Body, in_flight: Option<InFlight>) -> (Self, usize) {
        let exact = inner.size_hint().exact().and_then(|size| usize::try_from(size).ok());
        // A message is encoded when it is asked for the first time: only then is its size known.
        let ahead = if exact.is_none() { first_frame(&mut inner) } else { None };
        let there = ahead.as_ref().and_then(Frame::data_ref).map_or(0, Bytes::len);
        let body = Self { inner, ahead, is_counted: exact.is_some(), busy: None, _in_flight: in_flight };
        (body, exact.unwrap_or(there))
    }

    /// Counts `there` bytes as unsent until they are handed over.
    pub(super) fn counted(mut self, mut busy: Busy, there: usize) -> Self {
        busy.will_send(there);
        self.busy = Some(busy);
        self
    }

    fn count(&mut self, frame: &Frame<Bytes>) {
        if let (false, Some(busy), Some(data)) = (self.is_counted, &mut self.busy, frame.data_ref()) {
            busy.will_send(data.len());
        }
    }

    /// The first piece of `frame`; keeps the rest.
    fn cut(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        let mut data = match frame.into_data() {
            Ok(data) => data,
            Err(other) => return other,
        };
        if data.len() > PIECE {
            let rest = data.split_off(PIECE);
            self.ahead = Some(Frame::data(rest));
        }
        if let Some(busy) = &mut self.busy {
            busy.sent(data.len());
        }
        Frame::data(data)
    }
}

/// The first frame, where it is there already. Nobody is woken for it otherwise: whoever polls next is.
fn first_frame(body: &mut tonic::body::Body) -> Option<Frame<Bytes>> {
    match Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Some(Ok(frame))) => Some(frame),
        // An error is no frame; tonic says them in trailers, so there is none to lose.
        _ => None,
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(frame) = self.ahead.take() {
            return Poll::Ready(Some(Ok(self.cut(frame))));
        }
        match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            Some(Ok(frame)) => {
                self.count(&frame);
                Poll::Ready(Some(Ok(self.cut(frame))))
            }
            end => Poll::Ready(end),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.inner.size_hint();
        let ahead = self.ahead.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64);
        let upper = hint.upper().and_then(|upper| upper.checked_add(ahead));
        hint.set_lower(hint.lower().saturating_add(ahead).min(upper.unwrap_or(u64::MAX)));
        if let Some(upper) = upper {
            hint.set_upper(upper);
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;

    #[tokio::test]
    async fn large_bodies_come_in_pieces_and_keep_their_size() {
        let whole = Bytes::from(vec![7; 3 * PIECE + 1]);
        let (mut body, there) = ReplyBody::new(tonic::body::Body::new(Full::new(whole.clone())), None);
        assert_eq!((there, body.size_hint().exact()), (whole.len(), Some(whole.len() as u64)));
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().await {
            sizes.push(frame.unwrap().into_data().unwrap().len());
            assert_eq!(body.is_end_stream(), sizes.len() == 4);
        }
        assert_eq!(sizes, [PIECE, PIECE, PIECE, 1]);
    }

    #[tokio::test]
    async fn bodies_of_unknown_size_are_counted_by_what_is_there() {
        let frames = [Frame::data(Bytes::from(vec![1; PIECE + 5])), Frame::data(Bytes::from_static(b"more"))];
        let stream = tokio_stream::iter(frames.map(Ok::<_, Status>));
        let (body, there) = ReplyBody::new(tonic::body::Body::new(StreamBody::new(stream)), None);
        assert_eq!((there, body.size_hint().lower()), (PIECE + 5, PIECE as u64 + 5));
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), PIECE + 9);
    }
}
