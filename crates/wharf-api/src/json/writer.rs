//! Pretty-printed JSON, laid out as TensorFlow Serving lays it out.

use std::borrow::Cow;

/// Whether array elements stand on lines of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Each on its own line.
    Lines,
    /// All on one line. An array may begin in one layout and end in the other, and then looks like both.
    OneLine,
}

/// Writes values one by one, with the commas, line breaks and indents between them.
pub(crate) struct PrettyWriter {
    out: Vec<u8>,
    /// How many values the containers around this place have, innermost last.
    counts: Vec<usize>,
    indent: usize,
    layout: Layout,
    after_key: bool,
}

impl PrettyWriter {
    /// A writer that indents by `indent` spaces a level.
    pub(crate) fn new(indent: usize) -> Self {
        Self { out: Vec::new(), counts: Vec::new(), indent, layout: Layout::Lines, after_key: false }
    }

    /// The text.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Lays out arrays so from here on.
    pub(crate) fn set_layout(&mut self, layout: Layout) {
        self.layout = layout;
    }

    /// `{`
    pub(crate) fn open_object(&mut self) {
        self.before_value();
        self.out.push(b'{');
        self.counts.push(0);
    }

    /// `}`
    pub(crate) fn close_object(&mut self) {
        if self.counts.pop().is_some_and(|count| count > 0) {
            self.line_break();
        }
        self.out.push(b'}');
    }

    /// `[`
    pub(crate) fn open_array(&mut self) {
        self.before_value();
        self.out.push(b'[');
        self.counts.push(0);
    }

    /// `]`
    pub(crate) fn close_array(&mut self) {
        if self.counts.pop().is_some_and(|count| count > 0) && self.layout == Layout::Lines {
            self.line_break();
        }
        self.out.push(b']');
    }

    /// `"name": `, before its value.
    pub(crate) fn key(&mut self, name: &str) {
        if let Some(count) = self.counts.last_mut() {
            if *count > 0 {
                self.out.push(b',');
            }
            *count += 1;
        }
        self.line_break();
        write_string(&mut self.out, name.as_bytes());
        self.out.extend_from_slice(b": ");
        self.after_key = true;
    }

    /// A string.
    pub(crate) fn string(&mut self, text: &str) {
        self.value(|out| write_string(out, text.as_bytes()));
    }

    /// A member of an object that is a string.
    pub(crate) fn string_member(&mut self, name: &str, text: &str) {
        self.key(name);
        self.string(text);
    }

    /// Whatever `write` appends, as one value.
    #[inline]
    pub(crate) fn value(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.before_value();
        write(&mut self.out);
    }

    #[inline]
    fn before_value(&mut self) {
        if std::mem::take(&mut self.after_key) {
            return;
        }
        let Some(count) = self.counts.last_mut() else { return };
        let is_first = *count == 0;
        *count += 1;
        match (self.layout, is_first) {
            (Layout::OneLine, true) => {}
            (Layout::OneLine, false) => self.out.extend_from_slice(b", "),
            (Layout::Lines, true) => self.line_break(),
            (Layout::Lines, false) => {
                self.out.push(b',');
                self.line_break();
            }
        }
    }

    fn line_break(&mut self) {
        self.out.push(b'\n');
        self.out.resize(self.out.len() + self.indent * self.counts.len(), b' ');
    }
}

/// Appends a quoted string. What is not UTF-8 becomes U+FFFD: a client could not read it otherwise.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    let text = match String::from_utf8_lossy(text) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    out.push(b'"');
    let mut plain_from = 0;
    for (index, &byte) in text.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(text.get(plain_from..index).unwrap_or_default());
        plain_from = index + 1;
        write_escape(out, byte);
    }
    out.extend_from_slice(text.get(plain_from..).unwrap_or_default());
    out.push(b'"');
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        _ => {
            out.extend_from_slice(b"\\u00");
            out.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| HEX.get(usize::from(digit))));
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
