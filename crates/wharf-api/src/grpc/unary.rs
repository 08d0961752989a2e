//! The calls that carry tensors, read and answered without a buffer in between.
//!
//! tonic puts a request together in one buffer, from which its tensors are taken misaligned, so that each is copied
//! twice before it is computed with. Here a message is decoded from the pieces that HTTP/2 gives.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use prost::Message;
use tonic::Status;
use tonic::metadata::MetadataMap;

use super::pieces::Pieces;

/// Before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;
/// What a frame's length can say.
const MAX_LENGTH: usize = u32::MAX as usize;

/// Whether `request` can be answered here: compressed messages are tonic's.
pub(super) fn is_plain<B>(request: &Request<B>) -> bool {
    request.headers().get("grpc-encoding").is_none_or(|encoding| encoding == "identity")
        && request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
        && request.method() == http::Method::POST
}

/// Answers a request of one message with one message.
pub(super) async fn answer<B, M, R, F>(
    request: Request<B>,
    limit: usize,
    method: impl FnOnce(tonic::Request<M>) -> F,
) -> Response<tonic::body::Body>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
    M: Message + Default,
    R: Message,
    F: Future<Output = Result<tonic::Response<R>, Status>>,
{
    let (head, body) = request.into_parts();
    let answered = async {
        let message = read(body, limit).await?;
        let metadata = MetadataMap::from_headers(head.headers);
        reply(method(tonic::Request::from_parts(metadata, head.extensions, message)).await?)
    };
    answered.await.unwrap_or_else(Status::into_http)
}

/// The one message of `body`.
async fn read<B, M>(mut body: B, limit: usize) -> Result<M, Status>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
    M: Message + Default,
{
    let mut pieces = Pieces::default();
    let mut expected = None;
    while let Some(frame) = body.frame().await {
        // Trailers of a request mean nothing.
        let Ok(data) = frame?.into_data() else { continue };
        pieces.push(data);
        if expected.is_none() && pieces.remaining() >= PREFIX {
            expected = Some(length(&mut pieces, limit)?);
        }
        if expected.is_some_and(|expected| pieces.remaining() > expected) {
            return Err(Status::invalid_argument("request has more than one message, expected one"));
        }
    }
    match expected {
        Some(expected) if pieces.remaining() == expected => {
            M::decode(pieces).map_err(|error| Status::invalid_argument(format!("malformed message: {error}")))
        }
        None if !pieces.has_remaining() => Err(Status::invalid_argument("Missing request message.")),
        _ => Err(Status::invalid_argument("Unexpected EOF decoding stream.")),
    }
}

/// The length of the message whose prefix comes next.
fn length(pieces: &mut Pieces, limit: usize) -> Result<usize, Status> {
    match pieces.get_u8() {
        0 => {}
        1 => {
            let text =
                "protocol error: received message with compressed-flag but no grpc-encoding was specified";
            return Err(Status::invalid_argument(text));
        }
        flag => {
            let text = format!("protocol error: received message with invalid compression flag: {flag}");
            return Err(Status::invalid_argument(text));
        }
    }
    let length = pieces.get_u32() as usize;
    if length > limit {
        return Err(Status::resource_exhausted(format!(
            "Error, decoded message length too large: found {length} bytes, the limit is: {limit} bytes"
        )));
    }
    Ok(length)
}

/// `answer` as it travels.
fn reply<R: Message>(answer: tonic::Response<R>) -> Result<Response<tonic::body::Body>, Status> {
    let (metadata, message, extensions) = answer.into_parts();
    let length = message.encoded_len();
    let prefix = u32::try_from(length).map_err(|_| {
        Status::out_of_range(format!("reply has {length} bytes, expected at most {MAX_LENGTH}"))
    })?;
    let mut data = BytesMut::with_capacity(PREFIX + length);
    data.put_u8(0);
    data.put_u32(prefix);
    message.encode(&mut data).map_err(|error| Status::internal(error.to_string()))?;
    let mut response = Response::new(tonic::body::Body::new(Reply::Message(data.freeze())));
    *response.headers_mut() = metadata.into_headers();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    *response.extensions_mut() = extensions;
    Ok(response)
}

/// Reads the one message of a body that comes in pieces of so many bytes, for fuzzing.
pub(crate) fn read_pieces<M: Message + Default>(body: &[u8], size: usize, limit: usize) {
    let pieces: Vec<_> = body.chunks(size.max(1)).map(Bytes::copy_from_slice).collect();
    let frames = pieces.into_iter().map(|piece| Ok::<_, Status>(Frame::data(piece)));
    let body = http_body_util::StreamBody::new(tokio_stream::iter(frames));
    // Every piece is there, so that it is ready at once.
    let mut reading = std::pin::pin!(read::<_, M>(body, limit));
    let _ = reading.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop()));
}

/// What is left to send.
enum Reply {
    Message(Bytes),
    Status,
    Nothing,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(match std::mem::replace(&mut *self, Reply::Nothing) {
            Reply::Message(data) => {
                *self = Reply::Status;
                Some(Ok(Frame::data(data)))
            }
            Reply::Status => {
                let mut trailers = HeaderMap::with_capacity(1);
                trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
                Some(Ok(Frame::trailers(trailers)))
            }
            Reply::Nothing => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Reply::Nothing)
    }
}
