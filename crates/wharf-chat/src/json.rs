//! JSON as Python writes it, which is what models have seen.

use std::io;

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};
use serde::Serialize;
use serde_json::ser::Formatter;

/// The filter `tojson`, as Hugging Face's templates use it: nothing is escaped for HTML.
pub(crate) fn tojson(value: &Value, indent: Option<usize>, options: Kwargs) -> Result<Value, Error> {
    let indent = match options.get::<Option<usize>>("indent")? {
        Some(more) => Some(more),
        None => indent,
    };
    if options.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false) {
        let text = "`tojson` with `ensure_ascii` is not supported";
        return Err(Error::new(ErrorKind::InvalidOperation, text));
    }
    options.assert_all_used()?;
    Ok(Value::from(python_json(value, indent)?))
}

/// `json.dumps(value, indent=indent, ensure_ascii=False)`.
pub(crate) fn python_json(value: &impl Serialize, indent: Option<usize>) -> Result<String, Error> {
    let mut written = Vec::new();
    let formatter = Python { indent: indent.map(|width| width.min(MAX_INDENT)), depth: 0, is_empty: true };
    let mut serializer = serde_json::Serializer::with_formatter(&mut written, formatter);
    let failed = |error| Error::new(ErrorKind::InvalidOperation, "a value is no JSON").with_source(error);
    value.serialize(&mut serializer).map_err(failed)?;
    String::from_utf8(written).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

const MAX_INDENT: usize = 16;

struct Python {
    indent: Option<usize>,
    depth: usize,
    is_empty: bool,
}

impl Python {
    fn open<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.is_empty = true;
        writer.write_all(bracket)
    }

    fn close<W: ?Sized + io::Write>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if !self.is_empty {
            self.line(writer)?;
        }
        self.is_empty = false;
        writer.write_all(bracket)
    }

    fn next<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.is_empty = false;
        match (first, self.indent) {
            (true, _) => {}
            (false, None) => writer.write_all(b", ")?,
            (false, Some(_)) => writer.write_all(b",")?,
        }
        self.line(writer)
    }

    fn line<W: ?Sized + io::Write>(&self, writer: &mut W) -> io::Result<()> {
        let Some(width) = self.indent else { return Ok(()) };
        writer.write_all(b"\n")?;
        (0..self.depth * width).try_for_each(|_| writer.write_all(b" "))
    }
}

impl Formatter for Python {
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.next(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_what_python_writes() {
        let value = json!({"b": [1, 2.5, "ü<"], "a": {}, "c": [], "d": {"e": null}});
        for (indent, expected) in [
            (None, "{\"b\": [1, 2.5, \"ü<\"], \"a\": {}, \"c\": [], \"d\": {\"e\": null}}"),
            (
                Some(2),
                "{\n  \"b\": [\n    1,\n    2.5,\n    \"ü<\"\n  ],\n  \"a\": {},\n  \"c\": [],\n  \"d\": {\n    \"e\": null\n  }\n}",
            ),
        ] {
            assert_eq!(python_json(&value, indent).unwrap(), expected);
        }
    }
}
