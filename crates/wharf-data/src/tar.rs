//! Walks through a tar archive without ever writing a file. The archive may be hostile: every size is checked
//! against what is there, links and devices are passed over, and a path that leads upwards is an error.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::{DataError, gzip};

const BLOCK: u64 = 512;
/// The longest path, and the longest extended header.
const MAX_HEADER_BYTES: u64 = 64 * 1024;
const MAX_ENTRIES: usize = 20_000_000;

/// A regular file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) size: u64,
    /// Where its bytes start, counted in the unpacked archive.
    pub(crate) start: u64,
}

/// An archive that is being walked through.
pub(crate) struct Tar {
    input: Input,
    position: u64,
}

enum Input {
    Plain { file: BufReader<File>, size: u64 },
    Packed(Box<MultiGzDecoder<BufReader<File>>>),
}

impl Tar {
    /// Opens an archive, packed with gzip or not.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let io = |error| DataError::io("open", path, error);
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let packed = gzip::is_gzip(&mut file, path)?;
        let file = BufReader::with_capacity(1 << 16, file);
        let input = if packed {
            Input::Packed(Box::new(MultiGzDecoder::new(file)))
        } else {
            Input::Plain { file, size }
        };
        Ok(Self { input, position: 0 })
    }

    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.input, Input::Packed(_))
    }

    /// Calls `visit` for every regular file, with a reader of its bytes, of which it may read any part.
    pub(crate) fn walk(
        mut self,
        mut visit: impl FnMut(Entry, &mut dyn Read) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut extended = Extended::default();
        for _ in 0..MAX_ENTRIES {
            let mut block = [0; BLOCK as usize];
            self.read_exact(&mut block)?;
            if block.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            let header = Header::parse(&block).map_err(|what| self.malformed(&what))?;
            match header.kind {
                b'L' => extended.name = Some(self.long_name(header.size)?),
                b'x' => self.extended_header(header.size, &mut extended)?,
                b'0' | 0 | b'7' => {
                    let Extended { name, size } = std::mem::take(&mut extended);
                    let name = name.unwrap_or(header.name);
                    check_path(&name).map_err(|what| self.malformed(&what))?;
                    let entry = Entry { name, size: size.unwrap_or(header.size), start: self.position };
                    self.visit(entry, &mut visit)?;
                }
                // Links, devices and folders have no bytes, whatever their size says.
                b'1'..=b'6' => extended = Extended::default(),
                _ => self.skip_padded(header.size)?,
            }
        }
        Err(DataError::too_large(format!("archive has more than {MAX_ENTRIES} entries")))
    }

    fn visit(
        &mut self,
        entry: Entry,
        visit: &mut impl FnMut(Entry, &mut dyn Read) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let (start, size) = (entry.start, entry.size);
        self.check_room(&entry.name, size)?;
        visit(entry, &mut Counted { tar: self, left: size })?;
        let read = self.position - start;
        self.skip(size - read)?;
        self.skip(padding(size))
    }

    /// That a plain archive is long enough for what an entry claims.
    fn check_room(&self, name: &str, claimed: u64) -> Result<(), DataError> {
        if let Input::Plain { size, .. } = self.input
            && claimed > size.saturating_sub(self.position)
        {
            let left = size.saturating_sub(self.position);
            let what = format!("`{name}` claims {claimed} bytes, the archive has {left} more");
            return Err(self.malformed(&what));
        }
        Ok(())
    }

    fn long_name(&mut self, size: u64) -> Result<String, DataError> {
        let bytes = self.small(size)?;
        text(&bytes).map_err(|what| self.malformed(&what))
    }

    fn extended_header(&mut self, size: u64, extended: &mut Extended) -> Result<(), DataError> {
        let bytes = self.small(size)?;
        extended.read(&bytes).ok_or_else(|| self.malformed("an extended header is damaged"))
    }

    /// The bytes of a header's extension.
    fn small(&mut self, size: u64) -> Result<Vec<u8>, DataError> {
        if size > MAX_HEADER_BYTES {
            return Err(self.malformed(&format!(
                "an extended header has {size} bytes, expected at most {MAX_HEADER_BYTES}"
            )));
        }
        let mut bytes = vec![0; size as usize];
        self.read_exact(&mut bytes)?;
        self.skip(padding(size))?;
        Ok(bytes)
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), DataError> {
        let read = match &mut self.input {
            Input::Plain { file, .. } => file.read_exact(bytes),
            Input::Packed(file) => file.read_exact(bytes),
        };
        read.map_err(|error| self.damaged(error))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn skip_padded(&mut self, size: u64) -> Result<(), DataError> {
        self.check_room("an entry", size)?;
        self.skip(size)?;
        self.skip(padding(size))
    }

    fn skip(&mut self, count: u64) -> Result<(), DataError> {
        let skipped = match &mut self.input {
            Input::Plain { file, size } => {
                let left = size.saturating_sub(self.position);
                let step = i64::try_from(count.min(left)).unwrap_or(i64::MAX);
                file.seek_relative(step).map(|()| count.min(left))
            }
            Input::Packed(file) => io::copy(&mut file.take(count), &mut io::sink()),
        };
        match skipped {
            Ok(skipped) => {
                self.position += skipped;
                if skipped == count { Ok(()) } else { Err(self.malformed("archive is cut off")) }
            }
            Err(error) => Err(self.damaged(error)),
        }
    }

    fn malformed(&self, what: &str) -> DataError {
        DataError::malformed(format!("{what} (at byte {})", self.position))
    }

    fn damaged(&self, error: io::Error) -> DataError {
        self.malformed(&format!("archive is damaged or cut off: {error}")).with_source(error)
    }
}

/// The bytes of one entry.
struct Counted<'a> {
    tar: &'a mut Tar,
    left: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = match &mut self.tar.input {
            Input::Plain { file, .. } => file.read(&mut buffer[..most])?,
            Input::Packed(file) => file.read(&mut buffer[..most])?,
        };
        if count == 0 && most > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        self.tar.position += count as u64;
        Ok(count)
    }
}

/// Bytes up to the next block.
fn padding(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}

struct Header {
    name: String,
    size: u64,
    kind: u8,
}

impl Header {
    fn parse(block: &[u8; BLOCK as usize]) -> Result<Self, String> {
        let expected = number(&block[148..156]).ok_or("a header has no checksum")?;
        let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
        let own: u64 = block[148..156].iter().map(|byte| u64::from(*byte)).sum();
        if sum - own + 8 * u64::from(b' ') != expected {
            return Err("a header has a wrong checksum".to_owned());
        }
        let size = number(&block[124..136]).ok_or("a header has no size")?;
        let mut name = text(&block[..100])?;
        // A POSIX archive keeps the first part of a long path apart; GNU's uses the place for other things.
        if &block[257..263] == b"ustar\0" && block[345] != 0 {
            name = format!("{}/{name}", text(&block[345..500])?);
        }
        Ok(Self { name, size, kind: block[156] })
    }
}

/// Up to the first zero, as UTF-8.
fn text(bytes: &[u8]) -> Result<String, String> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| "a path is not UTF-8".to_owned())
}

/// Octal digits between blanks, or big-endian binary after a byte of 0x80.
fn number(field: &[u8]) -> Option<u64> {
    if let [0x80, bytes @ ..] = field {
        return bytes
            .iter()
            .try_fold(0_u64, |value, byte| value.checked_mul(256)?.checked_add(u64::from(*byte)));
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, b' ' | 0)).unwrap_or(digits.len());
    let digits = std::str::from_utf8(&digits[..end]).ok().filter(|digits| !digits.starts_with('+'))?;
    u64::from_str_radix(digits, 8).ok()
}

fn check_path(path: &str) -> Result<(), String> {
    if path.split('/').any(|component| component == "..") {
        return Err(format!("path `{path}` leads upwards"));
    }
    Ok(())
}

/// What headers before an entry say about it.
#[derive(Default)]
struct Extended {
    name: Option<String>,
    size: Option<u64>,
}

impl Extended {
    /// Reads records `<length> <key>=<value>\n`; `None` where they are damaged.
    fn read(&mut self, mut records: &[u8]) -> Option<()> {
        while !records.is_empty() {
            let blank = records.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(&records[..blank]).ok()?.parse().ok()?;
            let record = records.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (&record[..equals], std::str::from_utf8(&record[equals + 1..]).ok()?);
            match key {
                b"path" => self.name = Some(value.to_owned()),
                b"size" => self.size = Some(value.parse().ok()?),
                _ => {}
            }
            records = &records[length..];
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
