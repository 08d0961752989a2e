//! The `grpc-timeout` header.

use std::time::Duration;

use http::HeaderMap;
use wharf_infer::ServiceError;

/// How long the client waits, where it says so.
///
/// # Errors
/// The header is not one to eight digits and a unit.
pub(crate) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, ServiceError> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(parse);
    let malformed = || ServiceError::invalid_argument("header `grpc-timeout` is not a number and a unit");
    parsed.map(Some).ok_or_else(malformed)
}

fn parse(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    match unit {
        'H' => Some(Duration::from_secs(amount * 3600)),
        'M' => Some(Duration::from_secs(amount * 60)),
        'S' => Some(Duration::from_secs(amount)),
        'm' => Some(Duration::from_millis(amount)),
        'u' => Some(Duration::from_micros(amount)),
        'n' => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_eight_digits_and_a_unit_and_nothing_else() {
        for (text, expected) in [
            ("99999999H", Some(Duration::from_secs(359_999_996_400))),
            ("1M", Some(Duration::from_secs(60))),
            ("2S", Some(Duration::from_secs(2))),
            ("3m", Some(Duration::from_millis(3))),
            ("4u", Some(Duration::from_micros(4))),
            ("5n", Some(Duration::from_nanos(5))),
            ("0n", Some(Duration::ZERO)),
            ("99999999999H", None),
            ("-1S", None),
            ("0x10S", None),
            ("1", None),
            ("S", None),
            ("", None),
            ("1é", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
