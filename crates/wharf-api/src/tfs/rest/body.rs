//! Receiving a body, within the limits, and unpacking it.

use std::io::Read as _;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use wharf_infer::{ErrorCode, ServiceError};

use super::failure::Failure;
use super::on_cpu;
use crate::Limits;
use crate::listener::RequestBody;

/// The body of `request`, unpacked.
pub(super) async fn receive(request: Request<RequestBody>, limits: &Limits) -> Result<Bytes, Failure> {
    let limit = limits.max_body_bytes;
    let is_packed = is_gzip(request.headers())?;
    if declared_length(request.headers()).is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    let received = collect(request.into_body(), limit).await?;
    if !is_packed {
        return Ok(received);
    }
    Ok(on_cpu(true, move || unpacked(&received, limit)).await??)
}

/// Whether the body is packed. Content types are ignored on this wire, encodings are not.
fn is_gzip(headers: &HeaderMap) -> Result<bool, Failure> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    match (encodings.next().map(|value| value.as_bytes()), encodings.next()) {
        (None, _) => Ok(false),
        (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"identity") => Ok(false),
        (Some(encoding), None) if encoding.eq_ignore_ascii_case(b"gzip") => Ok(true),
        _ => Err(Failure::unread(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "request body has an unknown `Content-Encoding`, expected `gzip` or none",
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
        tonic::Code::DeadlineExceeded => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_REQUEST,
    };
    Failure::unread(code, status.message())
}

/// The body behind gzip.
pub(super) fn unpacked(packed: &[u8], limit: usize) -> Result<Bytes, ServiceError> {
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(packed).take(limit as u64 + 1);
    decoder
        .read_to_end(&mut unpacked)
        .map_err(|_| ServiceError::invalid_argument("request body is not valid gzip"))?;
    if unpacked.len() > limit {
        let text = format!("request body is larger than the limit of {limit} bytes after decompression");
        return Err(ServiceError::new(ErrorCode::TooLarge, text));
    }
    Ok(unpacked.into())
}
