//! When a refused client may ask again, as gRPC clients read it: `google.rpc.RetryInfo` in the status details.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Code, Status};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// `google.rpc.Status`, which the trailer `grpc-status-details-bin` holds.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusDetails {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<prost_types::Duration>,
}

/// A status that says when to ask again.
pub(super) fn status(code: Code, message: String, wait: Duration) -> Status {
    let info = RetryInfo { retry_delay: prost_types::Duration::try_from(wait).ok() };
    let details = StatusDetails {
        code: code as i32,
        message: message.clone(),
        details: vec![prost_types::Any { type_url: RETRY_INFO.to_owned(), value: info.encode_to_vec() }],
    };
    Status::with_details(code, message, Bytes::from(details.encode_to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_a_status_with_one_retry_info() {
        let status = status(Code::ResourceExhausted, "full".to_owned(), Duration::from_millis(1500));
        let details = StatusDetails::decode(status.details()).unwrap();
        assert_eq!((details.code, details.message.as_str(), details.details.len()), (8, "full", 1));
        assert_eq!(details.details[0].type_url, RETRY_INFO);
        // Field 1, six bytes: seconds 1 and nanoseconds 500,000,000.
        let expected = [0x0a, 8, 0x08, 1, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01];
        assert_eq!(details.details[0].value, expected);
    }
}
