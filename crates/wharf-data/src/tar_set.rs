//! A tar file of class folders.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use wharf_transform::MAX_ENCODED_BYTES;

use crate::classes::{Member, Part, class_and_part, nothing_found, sort_into_classes};
use crate::store::{Span, Store};
use crate::tar::{Entry, Tar};
use crate::{DataError, Dataset};

/// The most that the pictures of a packed archive may take in memory.
const MAX_UNPACKED_BYTES: usize = 8 << 30;

/// Reads `.../<part>/<class>/<picture>` or `.../<class>/<picture>` from a tar file, packed with gzip or not, in
/// the order of class and path. Nothing is written to disk: pictures of a plain archive are read where they
/// lie, those of a packed one are kept in memory. Links, devices, hidden files and files without the extension
/// of a picture are left out.
///
/// # Errors
/// The archive cannot be read, is damaged or cut off, has a path that leads upwards, or has no picture of
/// `part`.
pub fn read_tar(path: &Path, part: Part) -> Result<Dataset, DataError> {
    let tar = Tar::open(path)?;
    let dataset = if tar.is_packed() { read_packed(tar, part) } else { read_plain(tar, path, part) };
    dataset.map_err(|error| error.in_file(path))
}

fn read_plain(tar: Tar, path: &Path, part: Part) -> Result<Dataset, DataError> {
    let mut found = Vec::new();
    tar.walk(|entry, _| {
        found.extend(member(entry));
        Ok(())
    })?;
    let (class_names, labels, files) = sort(found, part)?;
    let file = File::open(path).map_err(|error| DataError::io("open", path, error))?;
    Dataset::new(class_names, labels, Store::File { files, path: path.to_path_buf(), file })
}

fn read_packed(tar: Tar, part: Part) -> Result<Dataset, DataError> {
    let (mut found, mut bytes) = (Vec::new(), Vec::new());
    tar.walk(|entry, file| {
        let Some((mut member, own_part)) = member(entry) else { return Ok(()) };
        let start = bytes.len();
        // One byte more than allowed, so that the decoder sees that a picture is too long.
        let read = file.take(MAX_ENCODED_BYTES as u64 + 1).read_to_end(&mut bytes);
        let size = read.map_err(|error| DataError::malformed(format!("archive is damaged: {error}")))?;
        if bytes.len() > MAX_UNPACKED_BYTES {
            return Err(DataError::too_large(format!(
                "pictures take more than {MAX_UNPACKED_BYTES} bytes; unpack the archive with gunzip"
            )));
        }
        (member.place.start, member.place.size) = (start as u64, size as u64);
        found.push((member, own_part));
        Ok(())
    })?;
    let (class_names, labels, files) = sort(found, part)?;
    Dataset::new(class_names, labels, Store::Memory { files, bytes })
}

/// The entry as a picture of a class, with its part.
fn member(entry: Entry) -> Option<(Member<Span>, Option<String>)> {
    let (class, part) = class_and_part(&entry.name)?;
    let (class, part) = (class.to_owned(), part.map(str::to_owned));
    let place = Span { name: entry.name.clone(), start: entry.start, size: entry.size };
    Some((Member { class, name: entry.name, place }, part))
}

/// Class names, labels and places.
type Sorted = (Vec<String>, Vec<u32>, Vec<Span>);

/// Those of `part`, sorted. An archive without parts is all training data.
fn sort(found: Vec<(Member<Span>, Option<String>)>, part: Part) -> Result<Sorted, DataError> {
    let has_parts = found.iter().any(|(_, own)| own.is_some());
    let wanted = |own: Option<&str>| match part {
        Part::All => true,
        Part::Train if !has_parts => true,
        part => own == part.name(),
    };
    let members: Vec<_> =
        found.into_iter().filter(|(_, own)| wanted(own.as_deref())).map(|(member, _)| member).collect();
    if members.is_empty() {
        return Err(nothing_found(part));
    }
    let (class_names, labels, files) = sort_into_classes(members);
    Ok((class_names, labels, files.into_iter().map(|(_, span)| span).collect()))
}
