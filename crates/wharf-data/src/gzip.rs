//! Files that may be compressed with gzip.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;

/// Whether the file starts as gzip does; it is rewound.
pub(crate) fn is_gzip(file: &mut File, path: &Path) -> Result<bool, DataError> {
    let mut magic = Vec::new();
    let read = file.by_ref().take(2).read_to_end(&mut magic);
    read.and_then(|_| file.rewind()).map_err(|error| DataError::io("read", path, error))?;
    Ok(magic == [0x1F, 0x8B])
}

/// A reader of the file's content, unpacked where it is packed.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut file = File::open(path).map_err(|error| DataError::io("open", path, error))?;
    let packed = is_gzip(&mut file, path)?;
    let file = BufReader::with_capacity(1 << 16, file);
    Ok(if packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}
