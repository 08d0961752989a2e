//! A place in a JSON text.

use bytes::Bytes;
use wharf_infer::{ErrorCode, ServiceError};

use super::error::malformed;

/// Reads a JSON text from the front. It holds the body itself, so that strings become slices of it.
#[derive(Clone)]
pub(crate) struct Scanner<'a> {
    body: &'a Bytes,
    text: &'a [u8],
    at: usize,
    strings_left: usize,
}

/// The most strings that the tensors of one text may hold: each takes some ten times the memory of `"",`.
pub(crate) const MAX_STRINGS: usize = 1 << 20;

impl<'a> Scanner<'a> {
    /// A scanner at the start of `body`.
    pub(crate) fn new(body: &'a Bytes) -> Self {
        Self { body, text: body, at: 0, strings_left: MAX_STRINGS }
    }

    /// Counts one more string of a tensor.
    pub(crate) fn take_string(&mut self) -> Result<(), ServiceError> {
        let too_many = || {
            let text = format!("the request holds more than {MAX_STRINGS} strings");
            ServiceError::new(ErrorCode::TooLarge, text)
        };
        self.strings_left = self.strings_left.checked_sub(1).ok_or_else(too_many)?;
        Ok(())
    }

    /// The offset of the next byte.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Goes back, or forth, to an offset that was reached before.
    pub(crate) fn rewind(&mut self, offset: usize) {
        self.at = offset.min(self.text.len());
    }

    /// The next byte; NUL, which no JSON token contains, at the end.
    #[inline]
    pub(crate) fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// The byte `ahead` of the next one; NUL past the end.
    #[inline]
    pub(crate) fn peek_at(&self, ahead: usize) -> u8 {
        self.text.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Passes `count` bytes that were peeked at.
    #[inline]
    pub(crate) fn advance(&mut self, count: usize) {
        self.at += count;
    }

    /// Passes the next byte where it is `expected`.
    #[inline]
    pub(crate) fn accept(&mut self, expected: u8) -> bool {
        let accepted = self.peek() == expected;
        self.at += usize::from(accepted);
        accepted
    }

    /// The text that is left.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text from `start` to here.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The body from `start` up to `end`, shared.
    pub(crate) fn slice(&self, start: usize, end: usize) -> Bytes {
        self.body.slice(start..end)
    }

    /// Passes white space.
    #[inline]
    pub(crate) fn skip_whitespace(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Whether only white space is left.
    pub(crate) fn is_blank(&mut self) -> bool {
        self.skip_whitespace();
        self.at >= self.text.len()
    }

    /// Passes `word` where it comes next.
    pub(crate) fn accept_word(&mut self, word: &[u8]) -> bool {
        let accepted = self.rest().starts_with(word);
        if accepted {
            self.at += word.len();
        }
        accepted
    }

    /// An error at this offset.
    #[cold]
    pub(crate) fn error(&self, what: &str) -> ServiceError {
        malformed(what, self.at)
    }

    /// Passes the `{` of an object; the white space before it too.
    pub(crate) fn open_object(&mut self) -> bool {
        self.skip_whitespace();
        self.accept(b'{')
    }

    /// The next key of an object, with the scanner left at its value; `None` after the `}`.
    /// `first` says whether a key was read before, and is kept up to date.
    pub(crate) fn next_key(&mut self, first: &mut bool) -> Result<Option<Bytes>, ServiceError> {
        self.skip_whitespace();
        if self.accept(b'}') {
            return Ok(None);
        }
        if !*first {
            if !self.accept(b',') {
                return Err(self.error("Missing a comma or } after an object member."));
            }
            self.skip_whitespace();
        }
        *first = false;
        self.key().map(Some)
    }

    /// A key and its colon.
    pub(crate) fn key(&mut self) -> Result<Bytes, ServiceError> {
        if self.peek() != b'"' {
            return Err(self.error("Missing a name for object member."));
        }
        let key = self.string()?;
        self.colon()?;
        Ok(key)
    }

    /// The colon after a key, and the white space after that.
    pub(crate) fn colon(&mut self) -> Result<(), ServiceError> {
        self.skip_whitespace();
        if !self.accept(b':') {
            return Err(self.error("Missing a colon after a name of object member."));
        }
        self.skip_whitespace();
        Ok(())
    }

    /// After an element of an array: true where another follows, with the scanner left at it, and false after
    /// the `]`.
    #[inline]
    pub(crate) fn more_elements(&mut self) -> Result<bool, ServiceError> {
        self.skip_whitespace();
        match self.peek() {
            b',' => {
                self.at += 1;
                self.skip_whitespace();
                Ok(true)
            }
            b']' => {
                self.at += 1;
                Ok(false)
            }
            _ => Err(self.error("Missing a comma or ] after an array element.")),
        }
    }
}
