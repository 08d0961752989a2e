//! What is read, as often as needed.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use crate::TableError;

/// How much of the beginning is looked at.
const HEAD_BYTES: u64 = 256 * 1024;

/// Something that can be read from its beginning again.
pub(super) enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Source {
    /// A regular file stays where it is; a pipe, which gives its content once, is read into memory.
    pub(super) fn open(path: &Path) -> Result<Self, TableError> {
        let metadata = std::fs::metadata(path).map_err(|error| TableError::io(path, error))?;
        if metadata.is_file() {
            return Ok(Self::File(path.to_owned()));
        }
        std::fs::read(path).map(Self::Bytes).map_err(|error| TableError::io(path, error))
    }

    pub(super) fn reader(&self) -> Result<Box<dyn Read + '_>, TableError> {
        match self {
            Self::File(path) => {
                let file = File::open(path).map_err(|error| TableError::io(path, error))?;
                Ok(Box::new(file))
            }
            Self::Bytes(bytes) => Ok(Box::new(Cursor::new(bytes))),
        }
    }

    /// The beginning, at most [`HEAD_BYTES`].
    pub(super) fn head(&self) -> Result<Vec<u8>, TableError> {
        let mut head = Vec::new();
        let read = self.reader()?.take(HEAD_BYTES).read_to_end(&mut head);
        read.map_err(|error| TableError::io(Path::new("input"), error))?;
        Ok(head)
    }
}
