//! Where the pictures of a data set lie.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use wharf_transform::{MAX_ENCODED_BYTES, PictureShape};

use crate::DataError;

/// Where the pictures of a data set lie. Reading is `&self`, from any number of threads.
#[derive(Debug)]
pub(crate) enum Store {
    /// Decoded, of one size, one after the other.
    Pixels { shape: PictureShape, pixels: Vec<u8> },
    /// Picture files in memory, one after the other.
    Memory { files: Vec<Span>, bytes: Vec<u8> },
    /// Picture files inside one file, such as a tar.
    File { files: Vec<Span>, path: PathBuf, file: File },
    /// Picture files in a folder.
    Folder { root: PathBuf, names: Vec<String> },
}

/// A picture file within something larger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) name: String,
    pub(crate) start: u64,
    pub(crate) size: u64,
}

impl Store {
    pub(crate) fn name(&self, index: usize) -> Option<&str> {
        match self {
            Store::Pixels { .. } => None,
            Store::Memory { files, .. } | Store::File { files, .. } => {
                files.get(index).map(|span| span.name.as_str())
            }
            Store::Folder { names, .. } => names.get(index).map(String::as_str),
        }
    }

    /// The bytes of picture file `index`, which is known to exist.
    pub(crate) fn encoded<'a>(
        &'a self,
        index: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], DataError> {
        match self {
            Store::Pixels { .. } => Err(DataError::malformed("pictures are not encoded")),
            Store::Memory { files, bytes } => {
                let span = &files[index];
                let range = usize::try_from(span.start).ok().zip(usize::try_from(span.size).ok());
                range
                    .and_then(|(start, size)| bytes.get(start..)?.get(..size))
                    .ok_or_else(|| DataError::malformed(format!("picture `{}` is cut off", span.name)))
            }
            Store::File { files, path, file } => {
                let span = &files[index];
                prepare(buffer, span.size, &span.name)?;
                read_at(file, buffer, span.start).map_err(|error| DataError::io("read", path, error))?;
                Ok(buffer)
            }
            Store::Folder { root, names } => {
                read_file(&root.join(&names[index]), buffer)?;
                Ok(buffer)
            }
        }
    }
}

/// Makes `buffer` as long as the file, if that is within the limit.
fn prepare(buffer: &mut Vec<u8>, size: u64, name: &str) -> Result<(), DataError> {
    match usize::try_from(size) {
        Ok(size) if size <= MAX_ENCODED_BYTES => {
            buffer.clear();
            buffer.resize(size, 0);
            Ok(())
        }
        _ => Err(DataError::too_large(format!(
            "picture `{name}` has {size} bytes, expected at most {MAX_ENCODED_BYTES}"
        ))),
    }
}

fn read_file(path: &Path, buffer: &mut Vec<u8>) -> Result<(), DataError> {
    let file = File::open(path).map_err(|error| DataError::io("open", path, error))?;
    buffer.clear();
    // One byte more than allowed, so that the decoder sees that it is too long.
    let limit = MAX_ENCODED_BYTES as u64 + 1;
    file.take(limit).read_to_end(buffer).map_err(|error| DataError::io("read", path, error))?;
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, start)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut start: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_read(file, buffer, start)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[count..];
        start += count as u64;
    }
    Ok(())
}
