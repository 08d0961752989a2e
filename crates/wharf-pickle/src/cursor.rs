//! Reads numbers, slices and lines off the front of a buffer, within its bounds.

use bytes::Bytes;

use crate::PickleError;

/// A place in the pickle.
pub(crate) struct Cursor<'a> {
    content: &'a Bytes,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(content: &'a Bytes) -> Self {
        Self { content, offset: 0 }
    }

    /// How far the cursor has come.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// How many bytes are left.
    pub(crate) fn remaining(&self) -> usize {
        self.content.len() - self.offset
    }

    /// The next `count` bytes, shared with the buffer. However large the count, nothing is allocated.
    pub(crate) fn slice(&mut self, count: usize) -> Result<Bytes, PickleError> {
        if count > self.remaining() {
            return Err(PickleError::truncated(self.offset));
        }
        let slice = self.content.slice(self.offset..self.offset + count);
        self.offset += count;
        Ok(slice)
    }

    /// The next `N` bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let rest = self.content.get(self.offset..).unwrap_or_default();
        let array = rest.first_chunk::<N>().ok_or_else(|| PickleError::truncated(self.offset))?;
        self.offset += N;
        Ok(*array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, PickleError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, PickleError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, PickleError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Result<i32, PickleError> {
        self.array().map(i32::from_le_bytes)
    }

    /// A length of 8, 32 or 64 bits, as it stands in the pickle.
    pub(crate) fn length<const N: usize>(&mut self) -> Result<usize, PickleError> {
        let start = self.offset;
        let bytes = self.array::<N>()?;
        let wide = bytes.iter().rev().fold(0_u64, |wide, &byte| (wide << 8) | u64::from(byte));
        usize::try_from(wide).map_err(|_| PickleError::truncated(start))
    }

    /// The text up to the next line feed, without it.
    pub(crate) fn line(&mut self) -> Result<&'a str, PickleError> {
        let rest = self.content.get(self.offset..).unwrap_or_default();
        let Some(length) = rest.iter().take(MAX_LINE_BYTES).position(|&byte| byte == b'\n') else {
            return Err(PickleError::truncated(self.offset));
        };
        let line = std::str::from_utf8(&rest[..length])
            .map_err(|_| PickleError::malformed("a name is not UTF-8", self.offset))?;
        self.offset += length + 1;
        Ok(line)
    }
}

/// The longest name of a module or a global.
const MAX_LINE_BYTES: usize = 1024;
