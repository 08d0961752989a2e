//! Receiving a body, within the limits, and unpacking it.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flate2::bufread::ZlibDecoder;
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use wharf_infer::{ErrorCode, ServiceError};

use super::failure::Failure;
use super::on_cpu;
use crate::Limits;
use crate::listener::RequestBody;

/// A body of so many bytes is read to its end even where nobody wants it: a new connection would cost more.
const CHEAP_TO_READ: u64 = 64 << 10;

/// `error`, as the reply to a request whose body nobody will read.
pub(crate) fn unread(error: ServiceError, request: &Request<RequestBody>) -> Failure {
    let failure = Failure::from(error);
    let is_cheap = declared_length(request.headers()).is_some_and(|length| length <= CHEAP_TO_READ);
    if is_cheap { failure } else { failure.without_body() }
}

/// The body of `request`, unpacked.
pub(crate) async fn receive(request: Request<RequestBody>, limits: &Limits) -> Result<Bytes, Failure> {
    let limit = limits.max_body_bytes;
    let packing = packing(request.headers())?;
    if declared_length(request.headers()).is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let held = request.body().held();
    let received = collect(request.into_body(), limit).await?;
    match packing {
        None => Ok(received),
        Some(packing) => {
            let unpack = move || unpacked(&received, packing, limit, |bytes| held.take(bytes));
            Ok(on_cpu(true, unpack).await??)
        }
    }
}

/// How much is unpacked at a time.
const PIECE: usize = 32 << 10;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    /// HTTP's `deflate`, which is zlib's format.
    Zlib,
}

/// How the body is packed, if it is. Content types are ignored on these wires, encodings are not.
fn packing(headers: &HeaderMap) -> Result<Option<Packing>, Failure> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    match (encodings.next().map(|value| value.as_bytes()), encodings.next()) {
        (None, _) => Ok(None),
        (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"identity") => Ok(None),
        (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"gzip") => Ok(Some(Packing::Gzip)),
        (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"deflate") => Ok(Some(Packing::Zlib)),
        _ => Err(Failure::unread(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "request body has an unknown `Content-Encoding`, expected `gzip`, `deflate` or none",
        )),
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(limit: usize) -> Failure {
    let text = format!("request body is larger than the limit of {limit} bytes");
    Failure::unread(StatusCode::PAYLOAD_TOO_LARGE, text)
}

async fn collect(mut body: RequestBody, limit: usize) -> Result<Bytes, Failure> {
    let mut first = Bytes::new();
    let mut gathered = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|status| broken(&status))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + gathered.len() + data.len() > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() && gathered.is_empty() {
            first = data;
            continue;
        }
        if !first.is_empty() {
            gathered.extend_from_slice(&std::mem::take(&mut first));
        }
        gathered.extend_from_slice(&data);
    }
    // A body that came in one piece stays where it is.
    Ok(if gathered.is_empty() { first } else { gathered.freeze() })
}

fn broken(status: &tonic::Status) -> Failure {
    let code = match status.code() {
        tonic::Code::ResourceExhausted => {
            return Failure::from(ServiceError::new(ErrorCode::Overloaded, status.message().to_owned()))
                .without_body();
        }
        tonic::Code::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    };
    Failure::unread(code, status.message())
}

/// The body that is packed so. `take` says of so many bytes more whether there is room.
pub(crate) fn unpacked(
    packed: &[u8],
    packing: Packing,
    limit: usize,
    take: impl FnMut(usize) -> Result<(), ServiceError>,
) -> Result<Bytes, ServiceError> {
    match packing {
        Packing::Gzip => read_all(&mut MultiGzDecoder::new(packed), "gzip", limit, take),
        Packing::Zlib => {
            let mut decoder = ZlibDecoder::new(packed);
            let unpacked = read_all(&mut decoder, "deflate", limit, take)?;
            // The format has an end of its own; what comes after it belongs to nothing.
            if decoder.into_inner().is_empty() { Ok(unpacked) } else { Err(invalid("deflate")) }
        }
    }
}

fn read_all(
    decoder: &mut impl Read,
    format: &str,
    limit: usize,
    mut take: impl FnMut(usize) -> Result<(), ServiceError>,
) -> Result<Bytes, ServiceError> {
    let mut unpacked = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let count = decoder.read(&mut piece).map_err(|_| invalid(format))?;
        let piece = piece.get(..count).unwrap_or_default();
        if piece.is_empty() {
            return Ok(unpacked.into());
        }
        if unpacked.len() + count > limit {
            let text = format!("request body is larger than the limit of {limit} bytes after decompression");
            return Err(ServiceError::new(ErrorCode::TooLarge, text));
        }
        take(count)?;
        // Doubled as it grows, but never past what it may hold.
        if unpacked.capacity() - unpacked.len() < count {
            let more = unpacked.len().max(count);
            unpacked.reserve_exact(more.min(limit - unpacked.len()));
        }
        unpacked.extend_from_slice(piece);
    }
}

fn invalid(format: &str) -> ServiceError {
    ServiceError::invalid_argument(format!("request body is not valid {format}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    fn pack(packing: Packing, bytes: &[u8]) -> Vec<u8> {
        match packing {
            Packing::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            Packing::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        }
    }

    #[test]
    fn bodies_are_unpacked_up_to_the_limit() {
        for packing in [Packing::Gzip, Packing::Zlib] {
            let body = vec![b' '; 1000];
            let whole = pack(packing, &body);
            assert_eq!(unpacked(&whole, packing, 1000, |_| Ok(())).unwrap(), body);
            assert_eq!(unpacked(&whole, packing, 999, |_| Ok(())).unwrap_err().code(), ErrorCode::TooLarge);
            let bomb = pack(packing, &vec![0; 32 << 20]);
            assert!(bomb.len() < 64 << 10);
            assert_eq!(
                unpacked(&bomb, packing, 1 << 20, |_| Ok(())).unwrap_err().code(),
                ErrorCode::TooLarge
            );
            let none = || Err(ServiceError::new(ErrorCode::Overloaded, "no room"));
            let error = unpacked(&whole, packing, 1000, |_| none()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Overloaded);
            let longer = [&whole[..], b"x"].concat();
            for broken in [&whole[..whole.len() / 2], &whole[..whole.len() - 1], b"not packed", &longer] {
                let error = unpacked(broken, packing, 1000, |_| Ok(())).unwrap_err();
                assert_eq!(error.code(), ErrorCode::InvalidArgument, "{packing:?} {broken:?}");
            }
        }
    }
}
