//! Named files of a data set that lie in a folder or in an archive.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::DataError;
use crate::tar::Tar;

/// The contents of the files called `names`, from the folder `path`, its folder `inner`, or the archive `path`.
///
/// # Errors
/// One is missing, longer than `limit`, or cannot be read.
pub(crate) fn read_members(
    path: &Path,
    inner: &str,
    names: &[&str],
    limit: usize,
) -> Result<Vec<Vec<u8>>, DataError> {
    let mut found = if path.is_dir() {
        from_folder(path, inner, names, limit)?
    } else {
        from_archive(path, names, limit)?
    };
    let contents = names.iter().map(|name| {
        let content = found.remove(*name);
        content.ok_or_else(|| DataError::missing(format!("found no file `{name}`")).in_file(path))
    });
    contents.collect()
}

fn from_folder(
    path: &Path,
    inner: &str,
    names: &[&str],
    limit: usize,
) -> Result<BTreeMap<String, Vec<u8>>, DataError> {
    let inner = path.join(inner);
    let folder = if inner.is_dir() { &inner } else { path };
    let mut found = BTreeMap::new();
    for name in names {
        let path = folder.join(name);
        if fs::exists(&path).map_err(|error| DataError::io("read", &path, error))? {
            let file = File::open(&path).map_err(|error| DataError::io("open", &path, error))?;
            let content = read_limited(file, name, limit).map_err(|error| error.in_file(&path))?;
            found.insert((*name).to_owned(), content);
        }
    }
    Ok(found)
}

fn from_archive(path: &Path, names: &[&str], limit: usize) -> Result<BTreeMap<String, Vec<u8>>, DataError> {
    let mut found = BTreeMap::new();
    let walked = Tar::open(path)?.walk(|entry, file| {
        let name = entry.name.rsplit('/').next().unwrap_or_default();
        if names.contains(&name) {
            found.insert(name.to_owned(), read_limited(file, name, limit)?);
        }
        Ok(())
    });
    walked.map_err(|error| error.in_file(path))?;
    Ok(found)
}

fn read_limited(file: impl Read, name: &str, limit: usize) -> Result<Vec<u8>, DataError> {
    let mut content = Vec::new();
    let read = file.take(limit as u64 + 1).read_to_end(&mut content);
    read.map_err(|error| {
        DataError::malformed(format!("`{name}` cannot be read: {error}")).with_source(error)
    })?;
    if content.len() > limit {
        return Err(DataError::too_large(format!("`{name}` has more than {limit} bytes")));
    }
    Ok(content)
}
