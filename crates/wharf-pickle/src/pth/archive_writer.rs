//! Zip archives without compression, written as PyTorch writes them: each content begins at a multiple of 64
//! bytes, so that it can be used in place.

use crate::PickleError;

const ALIGNMENT: usize = 64;

/// An extra field that readers skip; these two letters are what PyTorch pads with.
const PADDING_ID: [u8; 2] = *b"FB";

/// The version of the format that has folders in names, which is all that is needed.
const ZIP_VERSION: u16 = 20;

/// Names are UTF-8.
const FLAG_UTF8: u16 = 1 << 11;

/// The first day that zip has, 1980-01-01: the same tensors give the same bytes whenever they are written.
const DATE: u16 = 1 << 5 | 1;

/// An archive that is being written.
#[derive(Debug, Default)]
pub(crate) struct ArchiveWriter {
    file: Vec<u8>,
    directory: Vec<u8>,
    count: usize,
}

impl ArchiveWriter {
    /// Adds an entry. The contents together must stay below 4 GiB, because the 64-bit form is not written.
    pub(crate) fn add(&mut self, name: &str, content: &[u8]) -> Result<(), PickleError> {
        let offset = to_u32(self.file.len())?;
        let unpadded = self.file.len() + 30 + name.len() + 4;
        let padding = unpadded.next_multiple_of(ALIGNMENT) - unpadded;
        let header = shared_header(name, content, to_u16(padding + 4)?)?;
        self.file.reserve(content.len() + ALIGNMENT * 4);
        self.file.extend(b"PK\x03\x04");
        self.file.extend(&header);
        self.file.extend(name.as_bytes());
        self.file.extend(PADDING_ID);
        self.file.extend(to_u16(padding)?.to_le_bytes());
        self.file.resize(self.file.len() + padding, 0);
        self.file.extend(content);

        self.directory.extend(b"PK\x01\x02");
        self.directory.extend(ZIP_VERSION.to_le_bytes());
        self.directory.extend(shared_header(name, content, 0)?);
        // No comment, first disk, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
        Ok(())
    }

    /// The finished archive.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, PickleError> {
        let count = to_u16(self.count)?.to_le_bytes();
        let (offset, size) = (to_u32(self.file.len())?, to_u32(self.directory.len())?);
        self.file.extend(&self.directory);
        self.file.extend(b"PK\x05\x06\0\0\0\0");
        self.file.extend([count, count].concat());
        self.file.extend(size.to_le_bytes());
        self.file.extend(offset.to_le_bytes());
        self.file.extend([0; 2]);
        Ok(self.file)
    }
}

/// What stands in the header of an entry and in the directory alike.
fn shared_header(name: &str, content: &[u8], extra_length: u16) -> Result<Vec<u8>, PickleError> {
    let mut header = Vec::new();
    // Version, flags, stored without compression, midnight, date.
    for field in [ZIP_VERSION, FLAG_UTF8, 0, 0, DATE] {
        header.extend(field.to_le_bytes());
    }
    let size = to_u32(content.len())?;
    for field in [crc32fast::hash(content), size, size] {
        header.extend(field.to_le_bytes());
    }
    header.extend(to_u16(name.len())?.to_le_bytes());
    header.extend(extra_length.to_le_bytes());
    Ok(header)
}

fn to_u32(size: usize) -> Result<u32, PickleError> {
    let small = u32::try_from(size).ok().filter(|size| *size < u32::MAX);
    small.ok_or_else(|| PickleError::archive("4 GiB or more cannot be written"))
}

fn to_u16(size: usize) -> Result<u16, PickleError> {
    let small = u16::try_from(size).ok().filter(|size| *size < u16::MAX);
    small.ok_or_else(|| {
        PickleError::archive("more than 65,534 entries, or names of that length, cannot be written")
    })
}
