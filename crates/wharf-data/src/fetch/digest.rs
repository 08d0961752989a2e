//! Compares files with their pinned digests.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use md5::Md5;
use sha2::Sha256;
use sha2::digest::Digest;

use super::catalogue::{Pinned, PinnedFile};
use crate::DataError;

/// No packed file unpacks to more than this many times its size; a bomb does.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

/// Whether the file at `path` has the pinned digest, or unpacks to content with the pinned one.
pub(super) fn matches(file: &PinnedFile, path: &Path) -> Result<bool, DataError> {
    let io = |error| DataError::io("read", path, error);
    let open = || File::open(path).map_err(io);
    let same = match file.pinned {
        Pinned::Sha256(expected) => digest::<Sha256>(open()?).map_err(io)? == expected,
        Pinned::Md5(expected) => digest::<Md5>(open()?).map_err(io)? == expected,
    };
    let Some(expected) = file.content_sha256.filter(|_| !same) else { return Ok(same) };
    // A file that does not unpack is simply another one.
    let content = MultiGzDecoder::new(open()?).take(MAX_UNPACKED_BYTES);
    Ok(digest::<Sha256>(content).is_ok_and(|digest| digest == expected))
}

pub(super) fn digest<D: Digest>(mut input: impl Read) -> io::Result<String> {
    let mut hasher = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(crate::hex(&hasher.finalize())),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
