//! Bodies of several parts (RFC 7578), as far as uploads of one file need them.

use bytes::Bytes;
use memchr::memmem;
use wharf_infer::ServiceError;

/// Parts of a body.
const MAX_PARTS: usize = 32;

/// One part.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    /// The name of its field.
    pub(super) name: String,
    /// The name of its file, where it is one.
    pub(super) filename: Option<String>,
    pub(super) content: Bytes,
}

/// The parts of `body`, whose header says `content_type`.
///
/// # Errors
/// It is no such body.
pub(super) fn parts(content_type: &str, body: &Bytes) -> Result<Vec<Part>, ServiceError> {
    let boundary = boundary(content_type).ok_or_else(|| {
        ServiceError::invalid_argument(
            "request body is not `multipart/form-data`, or its boundary is missing",
        )
    })?;
    let delimiter = format!("--{boundary}");
    let mut ends = memmem::find_iter(body, delimiter.as_bytes());
    let mut from = ends.next().ok_or_else(broken)? + delimiter.len();
    let mut parts = Vec::new();
    for end in ends {
        if body.get(from..from + 2) != Some(b"\r\n") {
            return Err(broken());
        }
        // A delimiter begins with the end of the line before it, which is no part of the content.
        let content_end = end.checked_sub(2).filter(|place| body.get(*place..end) == Some(b"\r\n"));
        let part = content_end.and_then(|content_end| part(&body.slice(..content_end), from + 2));
        parts.push(part.ok_or_else(broken)?);
        if parts.len() > MAX_PARTS {
            let text = format!("request body has too many parts, expected at most {MAX_PARTS}");
            return Err(ServiceError::invalid_argument(text));
        }
        from = end + delimiter.len();
    }
    match body.get(from..from + 2) == Some(b"--") && !parts.is_empty() {
        true => Ok(parts),
        false => Err(broken()),
    }
}

fn broken() -> ServiceError {
    ServiceError::invalid_argument("request body is not valid `multipart/form-data`")
}

fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary =
        parameters.split(';').find_map(|one| one.trim().strip_prefix("boundary="))?.trim_matches('"');
    // No longer ones are allowed, and none that is empty.
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

fn part(body: &Bytes, from: usize) -> Option<Part> {
    let rest = body.get(from..)?;
    let head_end = memmem::find(rest, b"\r\n\r\n")?;
    let head = std::str::from_utf8(rest.get(..head_end)?).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let named = |key: &str| {
        let parameters = disposition.split(';').map(str::trim);
        parameters
            .filter_map(|one| one.strip_prefix(key)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
            .next()
    };
    let content = body.slice(from + head_end + 4..);
    Some(Part { name: named("name")?, filename: named("filename"), content })
}

/// Reads a body and does nothing with it, for fuzzing: its first line stands for the header.
pub(crate) fn read_parts(bytes: &[u8]) {
    let Some(end) = memchr::memchr(b'\n', bytes) else { return };
    if let Ok(head) = std::str::from_utf8(bytes.get(..end).unwrap_or_default()) {
        let _ = parts(head, &Bytes::copy_from_slice(bytes.get(end + 1..).unwrap_or_default()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"xyz\"";

    #[test]
    fn parts_have_names_and_contents() {
        let body = "--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--xyz\r\n\
                    content-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\nContent-Type: x/y\r\n\r\n\
                    a\r\n\r\nb\n\r\n--xyz--\r\n";
        let parts = parts(TYPE, &Bytes::from(body)).unwrap();
        assert_eq!((parts[0].name.as_str(), &parts[0].content[..]), ("purpose", &b"batch"[..]));
        assert_eq!(
            (parts[1].filename.as_deref(), &parts[1].content[..]),
            (Some("a.jsonl"), &b"a\r\n\r\nb\n"[..])
        );
    }

    #[test]
    fn what_is_broken_is_refused() {
        for (head, body) in [
            ("application/json", "{}"),
            ("multipart/form-data", "--x--"),
            ("multipart/form-data; boundary=", "----"),
            (TYPE, ""),
            (TYPE, "--xyz--"),
            (TYPE, "--xyz\r\nContent-Disposition: form-data\r\n\r\na\r\n--xyz--"),
            (TYPE, "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\na"),
            (TYPE, "--xyz\r\n--xyz--"),
        ] {
            assert!(parts(head, &Bytes::from(body)).is_err(), "{head} {body}");
        }
    }
}
