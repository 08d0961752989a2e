//! Files from a folder of this machine.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::catalogue::PinnedFile;
use super::{FetchOrigin, finish, part_path};
use crate::DataError;

/// Copies the file from `folder` and checks the copy.
pub(crate) fn copy(
    file: &PinnedFile,
    folder: &Path,
    target: &Path,
    report: &mut dyn FnMut(u64, FetchOrigin),
) -> Result<(), DataError> {
    let source = folder.join(file.name);
    let part = part_path(target);
    let mut input = File::open(&source).map_err(|error| DataError::io("open", &source, error))?;
    let mut output = File::create(&part).map_err(|error| DataError::io("write", &part, error))?;
    let mut buffer = vec![0; 1 << 20];
    let mut done = 0;
    loop {
        let count = input.read(&mut buffer).map_err(|error| DataError::io("read", &source, error))?;
        if count == 0 {
            break;
        }
        output.write_all(&buffer[..count]).map_err(|error| DataError::io("write", &part, error))?;
        done += count as u64;
        report(done.min(file.size), FetchOrigin::Folder);
    }
    finish(file, &part, target, &format!("`{}`", folder.display()))
}
