//! Bytes of a header, counted against the length of the file.

use std::io::{ErrorKind, Read};

use crate::GgufError;

/// The most that is reserved before any of it has come.
const MAX_RESERVED: u64 = 1 << 20;
/// Longer texts are none: the longest chat templates have some 100 kB.
const MAX_TEXT: u64 = 64 << 20;

/// Reads numbers in little-endian order and texts after their lengths.
pub(crate) struct Source<R> {
    reader: R,
    position: u64,
    length: u64,
}

macro_rules! numbers {
    ($($name:ident: $type:ty),*) => {
        $(pub(crate) fn $name(&mut self) -> Result<$type, GgufError> {
            Ok(<$type>::from_le_bytes(self.array()?))
        })*
    };
}

impl<R: Read> Source<R> {
    /// `length` is that of the whole file.
    pub(crate) fn new(reader: R, length: u64) -> Self {
        Self { reader, position: 0, length }
    }

    numbers! { u16: u16, u32: u32, u64: u64, i16: i16, i32: i32, i64: i64, f32: f32, f64: f64 }

    pub(crate) fn u8(&mut self) -> Result<u8, GgufError> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn i8(&mut self) -> Result<i8, GgufError> {
        Ok(i8::from_le_bytes(self.array()?))
    }

    /// How many bytes have been read.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// How many are left.
    pub(crate) fn left(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    /// A count of things that take at least `least` bytes each: more than the file has room for are refused.
    pub(crate) fn count(&mut self, what: &str, least: u64) -> Result<usize, GgufError> {
        let count = self.u64()?;
        let most = self.left() / least.max(1);
        match usize::try_from(count) {
            Ok(fits) if count <= most => Ok(fits),
            _ => Err(GgufError::truncated(format!("{count} {what}, the file has room for {most} at most"))),
        }
    }

    /// A text after its length.
    pub(crate) fn text(&mut self) -> Result<String, GgufError> {
        let length = self.u64()?;
        if length > self.left() {
            let left = self.left();
            return Err(GgufError::truncated(format!(
                "a text of {length} bytes, {left} are left of the file"
            )));
        }
        if length > MAX_TEXT {
            return Err(GgufError::malformed(format!(
                "a text of {length} bytes, expected {MAX_TEXT} at most"
            )));
        }
        // Some vocabularies have tokens that are no UTF-8; their bytes are of no interest here.
        Ok(String::from_utf8_lossy(&self.bytes(length)?).into_owned())
    }

    /// Goes past so many bytes.
    pub(crate) fn skip(&mut self, length: u64) -> Result<(), GgufError> {
        if length > self.left() {
            return Err(GgufError::truncated(format!(
                "{length} bytes, {} are left of the file",
                self.left()
            )));
        }
        let skipped = std::io::copy(&mut (&mut self.reader).take(length), &mut std::io::sink());
        let skipped = skipped.map_err(GgufError::read)?;
        self.position += skipped;
        if skipped < length { Err(end()) } else { Ok(()) }
    }

    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, GgufError> {
        let mut bytes = Vec::with_capacity(length.min(MAX_RESERVED) as usize);
        let read = (&mut self.reader).take(length).read_to_end(&mut bytes).map_err(GgufError::read)?;
        self.position += read as u64;
        if (read as u64) < length { Err(end()) } else { Ok(bytes) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        if self.left() < N as u64 {
            return Err(end());
        }
        self.reader.read_exact(&mut bytes).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => end(),
            _ => GgufError::read(error),
        })?;
        self.position += N as u64;
        Ok(bytes)
    }
}

fn end() -> GgufError {
    GgufError::truncated("the file ends within its header")
}
