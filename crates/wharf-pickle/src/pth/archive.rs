//! Zip archives without compression, read from their central directory. Entries are slices of the file; nothing
//! is extracted, so names are only compared and never become paths.

use std::collections::HashMap;

use bytes::Bytes;

use crate::PickleError;

/// The entries of an archive, by name.
#[derive(Debug)]
pub(crate) struct Archive {
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    content: Bytes,
    crc: u32,
}

impl Archive {
    /// Reads the directory. Checksums are compared when an entry is read.
    pub(crate) fn parse(file: &Bytes) -> Result<Self, PickleError> {
        let directory = find_directory(file)?;
        let mut rest = directory.bytes.as_ref();
        let mut entries = HashMap::new();
        let mut total = 0_usize;
        for _ in 0..directory.count {
            let (name, entry) = read_entry(file, &mut rest)?;
            total = total.saturating_add(entry.content.len());
            if total > file.len() {
                return Err(PickleError::archive("its entries overlap"));
            }
            if entries.contains_key(&name) {
                return Err(PickleError::archive(format!("entry `{}` is there twice", name.escape_debug())));
            }
            entries.insert(name, entry);
        }
        match rest.is_empty() {
            true => Ok(Self { entries }),
            false => Err(PickleError::archive("its directory is longer than its entries")),
        }
    }

    /// The names of the entries, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The content of an entry; `None` where there is none.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Bytes>, PickleError> {
        let Some(entry) = self.entries.get(name) else { return Ok(None) };
        if crc32fast::hash(&entry.content) != entry.crc {
            let name = name.escape_debug();
            return Err(PickleError::archive(format!("entry `{name}` does not match its checksum")));
        }
        Ok(Some(entry.content.clone()))
    }
}

struct Directory {
    bytes: Bytes,
    count: u64,
}

const END: &[u8] = b"PK\x05\x06";
const END_BYTES: usize = 22;
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const LOCATOR_64_BYTES: usize = 20;
const CENTRAL: &[u8] = b"PK\x01\x02";
const LOCAL: &[u8] = b"PK\x03\x04";
const LOCAL_BYTES: usize = 30;
const EXTRA_64: u16 = 1;

/// Finds the central directory by the record at the end of the file, in front of which a 64-bit one may stand.
/// Archives with a comment behind the record are not written by PyTorch and not read.
fn find_directory(file: &Bytes) -> Result<Directory, PickleError> {
    let end = file.len().checked_sub(END_BYTES).ok_or_else(no_archive)?;
    let mut record = expect(&file[end..], END)?;
    let [disk, first_disk, here, count] =
        [u16_of(&mut record)?, u16_of(&mut record)?, u16_of(&mut record)?, u16_of(&mut record)?];
    let (size, offset) = (u32_of(&mut record)?, u32_of(&mut record)?);
    if (disk, first_disk) != (0, 0) || here != count || u16_of(&mut record)? != 0 {
        return Err(PickleError::archive("it has several parts or a comment"));
    }
    let narrow = (u64::from(count), u64::from(size), u64::from(offset));
    let (count, size, offset) = match wide_directory(file, end)? {
        // The two records have to agree, or different readers would see different archives.
        Some(wide) if agrees(narrow, wide) => wide,
        Some(_) => return Err(PickleError::archive("its two end records differ")),
        None => narrow,
    };
    Ok(Directory { bytes: slice(file, offset, size)?, count })
}

fn agrees(narrow: (u64, u64, u64), wide: (u64, u64, u64)) -> bool {
    let same = |narrow: u64, limit: u64, wide: u64| narrow == wide || (narrow == limit && wide >= limit);
    let limit = u64::from(u32::MAX);
    same(narrow.0, u64::from(u16::MAX), wide.0)
        && same(narrow.1, limit, wide.1)
        && same(narrow.2, limit, wide.2)
}

/// Count, size and offset of the directory from the 64-bit record, where there is one.
fn wide_directory(file: &Bytes, end: usize) -> Result<Option<(u64, u64, u64)>, PickleError> {
    let locator = end.checked_sub(LOCATOR_64_BYTES).and_then(|start| file.get(start..end));
    let Some(mut locator) = locator.and_then(|bytes| bytes.strip_prefix(LOCATOR_64)) else { return Ok(None) };
    u32_of(&mut locator)?;
    let start = usize::try_from(u64_of(&mut locator)?).map_err(|_| out_of_file())?;
    let mut record = expect(file.get(start..).ok_or_else(out_of_file)?, END_64)?;
    // Size of the record, versions, numbers of disks, entries on this disk.
    take(&mut record, 8 + 4 + 8 + 8)?;
    Ok(Some((u64_of(&mut record)?, u64_of(&mut record)?, u64_of(&mut record)?)))
}

/// Takes an entry off the directory and finds its content.
fn read_entry(file: &Bytes, rest: &mut &[u8]) -> Result<(String, Entry), PickleError> {
    *rest = expect(rest, CENTRAL)?;
    let mut fixed = take(rest, 42)?;
    take(&mut fixed, 4)?;
    let (flags, method) = (u16_of(&mut fixed)?, u16_of(&mut fixed)?);
    take(&mut fixed, 4)?;
    let (crc, packed, size) = (u32_of(&mut fixed)?, u32_of(&mut fixed)?, u32_of(&mut fixed)?);
    let lengths = [u16_of(&mut fixed)?, u16_of(&mut fixed)?, u16_of(&mut fixed)?].map(usize::from);
    take(&mut fixed, 8)?;
    let offset = u32_of(&mut fixed)?;
    let name = take(rest, lengths[0])?;
    let mut extra = Extra::of(take(rest, lengths[1])?)?;
    take(rest, lengths[2])?;

    let name = std::str::from_utf8(name).map_err(|_| PickleError::archive("a name is not UTF-8"))?;
    if method != 0 || flags & 1 != 0 {
        let problem = format!("entry `{}` is compressed or encrypted", name.escape_debug());
        return Err(PickleError::archive(format!("{problem}; PyTorch stores its entries as they are")));
    }
    let (size, packed, offset) = (extra.wide(size)?, extra.wide(packed)?, extra.wide(offset)?);
    if size != packed {
        return Err(PickleError::archive(format!("entry `{}` has two sizes", name.escape_debug())));
    }
    let content = slice(file, content_offset(file, offset, name)?, size)?;
    Ok((name.to_owned(), Entry { content, crc }))
}

/// Where the content begins: behind the local header, whose name has to be the same.
fn content_offset(file: &Bytes, offset: u64, name: &str) -> Result<u64, PickleError> {
    let header = slice(file, offset, LOCAL_BYTES as u64)?;
    expect(&header, LOCAL)?;
    let mut lengths = &header[26..];
    let (name_length, extra_length) = (u16_of(&mut lengths)?, u16_of(&mut lengths)?);
    let name_offset = offset.checked_add(LOCAL_BYTES as u64).ok_or_else(out_of_file)?;
    if slice(file, name_offset, name_length.into())? != name.as_bytes() {
        return Err(PickleError::archive(format!("entry `{}` has two names", name.escape_debug())));
    }
    name_offset.checked_add(u64::from(name_length) + u64::from(extra_length)).ok_or_else(out_of_file)
}

/// The 64-bit numbers of an entry: those of size, packed size and offset that do not fit 32 bits, in this order.
struct Extra<'a>(&'a [u8]);

impl<'a> Extra<'a> {
    fn of(mut extra: &'a [u8]) -> Result<Self, PickleError> {
        while !extra.is_empty() {
            let (id, length) = (u16_of(&mut extra)?, u16_of(&mut extra)?);
            let content = take(&mut extra, length.into())?;
            if id == EXTRA_64 {
                return Ok(Self(content));
            }
        }
        Ok(Self(&[]))
    }

    fn wide(&mut self, narrow: u32) -> Result<u64, PickleError> {
        if narrow == u32::MAX { u64_of(&mut self.0) } else { Ok(narrow.into()) }
    }
}

fn slice(file: &Bytes, offset: u64, size: u64) -> Result<Bytes, PickleError> {
    let start = usize::try_from(offset).map_err(|_| out_of_file())?;
    let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size)).ok_or_else(out_of_file)?;
    if end > file.len() {
        return Err(out_of_file());
    }
    Ok(file.slice(start..end))
}

fn expect<'a>(bytes: &'a [u8], signature: &[u8]) -> Result<&'a [u8], PickleError> {
    bytes.strip_prefix(signature).ok_or_else(no_archive)
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], PickleError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or_else(out_of_file)?;
    *bytes = rest;
    Ok(taken)
}

fn number<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], PickleError> {
    let (number, rest) = bytes.split_first_chunk::<N>().ok_or_else(out_of_file)?;
    *bytes = rest;
    Ok(*number)
}

fn u16_of(bytes: &mut &[u8]) -> Result<u16, PickleError> {
    number(bytes).map(u16::from_le_bytes)
}

fn u32_of(bytes: &mut &[u8]) -> Result<u32, PickleError> {
    number(bytes).map(u32::from_le_bytes)
}

fn u64_of(bytes: &mut &[u8]) -> Result<u64, PickleError> {
    number(bytes).map(u64::from_le_bytes)
}

fn no_archive() -> PickleError {
    PickleError::archive("it is no complete zip archive, as PyTorch writes since version 1.6")
}

fn out_of_file() -> PickleError {
    PickleError::archive("an offset or size leads out of the file")
}
