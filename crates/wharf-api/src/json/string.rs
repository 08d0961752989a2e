//! Strings: a slice of the body where nothing is escaped, a copy where something is.

use bytes::Bytes;
use wharf_infer::ServiceError;

use super::Scanner;

const UNTERMINATED: &str = "Missing a closing quotation mark in string.";
const BAD_ESCAPE: &str = "Invalid escape character in string.";
const BAD_HEX: &str = "Incorrect hex digit after \\u escape in string.";
const BAD_SURROGATE: &str = "The surrogate pair in string is invalid.";
const BAD_ENCODING: &str = "Invalid encoding in string.";

impl Scanner<'_> {
    /// The string at this place, whose first byte is a quotation mark.
    pub(crate) fn string(&mut self) -> Result<Bytes, ServiceError> {
        self.advance(1);
        let start = self.offset();
        self.plain_run()?;
        if self.accept(b'"') {
            return Ok(self.slice(start, self.offset() - 1));
        }
        let mut unescaped = self.since(start).to_vec();
        loop {
            match self.peek() {
                b'"' => {
                    self.advance(1);
                    return Ok(Bytes::from(unescaped));
                }
                _ => self.escape(&mut unescaped)?,
            }
            let run = self.offset();
            self.plain_run()?;
            unescaped.extend_from_slice(self.since(run));
        }
    }

    /// Passes the string at this place without keeping it, though not without looking at it.
    pub(crate) fn skip_string(&mut self) -> Result<(), ServiceError> {
        self.string().map(drop)
    }

    /// Passes what stands for itself, up to a quotation mark or a backslash.
    fn plain_run(&mut self) -> Result<(), ServiceError> {
        let rest = self.rest();
        let length = memchr::memchr2(b'"', b'\\', rest).ok_or_else(|| self.error(UNTERMINATED))?;
        let run = rest.get(..length).unwrap_or_default();
        let smallest = run.iter().fold(u8::MAX, |smallest, &byte| smallest.min(byte));
        if smallest < 0x20 || std::str::from_utf8(run).is_err() {
            return Err(self.error(BAD_ENCODING));
        }
        self.advance(length);
        Ok(())
    }

    /// One escape, whose first byte is a backslash.
    fn escape(&mut self, into: &mut Vec<u8>) -> Result<(), ServiceError> {
        let plain = match self.peek_at(1) {
            b'u' => return self.unicode_escape(into),
            same @ (b'"' | b'\\' | b'/') => same,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            _ => return Err(self.error(BAD_ESCAPE)),
        };
        into.push(plain);
        self.advance(2);
        Ok(())
    }

    fn unicode_escape(&mut self, into: &mut Vec<u8>) -> Result<(), ServiceError> {
        let first = self.hex_unit()?;
        let code_point = match first {
            0xd800..=0xdbff => {
                if self.peek() != b'\\' || self.peek_at(1) != b'u' {
                    return Err(self.error(BAD_SURROGATE));
                }
                match self.hex_unit()? {
                    second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return Err(self.error(BAD_SURROGATE)),
                }
            }
            other => other,
        };
        let character = char::from_u32(code_point).ok_or_else(|| self.error(BAD_SURROGATE))?;
        into.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// The four digits of `\uXXXX`.
    fn hex_unit(&mut self) -> Result<u32, ServiceError> {
        let mut unit = 0;
        for place in 2..6 {
            let digit = char::from(self.peek_at(place)).to_digit(16);
            unit = unit * 16 + digit.ok_or_else(|| self.error(BAD_HEX))?;
        }
        self.advance(6);
        Ok(unit)
    }
}
