//! The texts of what is wrong with a JSON body. Clients of TensorFlow Serving match on them.

use std::borrow::Cow;

use wharf_infer::ServiceError;

use super::Scanner;

/// How much of a value a message repeats.
const SHOWN_BYTES: usize = 256;

/// The text is not JSON.
#[cold]
pub(crate) fn malformed(what: &str, offset: usize) -> ServiceError {
    ServiceError::invalid_argument(format!("JSON Parse error: {what} at offset: {offset}"))
}

/// The beginning of `text`, for a message.
pub(crate) fn shown(text: &[u8]) -> Cow<'_, str> {
    let end = text.len().min(SHOWN_BYTES);
    String::from_utf8_lossy(text.get(..end).unwrap_or_default())
}

/// What kind of value starts with `first`, in the words of the wire.
pub(crate) fn type_name(first: u8) -> &'static str {
    match first {
        b'n' => "Null",
        b't' => "True",
        b'f' => "False",
        b'{' => "Object",
        b'[' => "Array",
        b'"' => "String",
        _ => "Number",
    }
}

/// The value at `start` is JSON, but not what the tensor takes; where it is no JSON either, that is said.
#[cold]
pub(crate) fn wrong_type(scanner: &mut Scanner<'_>, start: usize, expected: &str) -> ServiceError {
    match value_at(scanner, start) {
        Ok((value, kind)) => ServiceError::invalid_argument(format!(
            "JSON Value: {value} Type: {kind} is not of expected type: {expected}"
        )),
        Err(error) => error,
    }
}

/// The number at `start` does not fit `target`.
#[cold]
pub(crate) fn lossy(scanner: &mut Scanner<'_>, start: usize, target: &str) -> ServiceError {
    match value_at(scanner, start) {
        Ok((value, _)) => ServiceError::invalid_argument(format!(
            "Cannot convert JSON value: {value} to {target} without loss of precision."
        )),
        Err(error) => error,
    }
}

/// The text of the value at `start` and what kind it is.
#[cold]
pub(crate) fn value_at(
    scanner: &mut Scanner<'_>,
    start: usize,
) -> Result<(String, &'static str), ServiceError> {
    scanner.rewind(start);
    let first = scanner.peek();
    scanner.skip_value()?;
    Ok((shown(scanner.since(start)).into_owned(), type_name(first)))
}
