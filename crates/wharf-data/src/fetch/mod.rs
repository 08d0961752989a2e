//! Fetches well-known data sets from their official addresses, or from a folder or mirror of the user's; and single
//! files, such as models, from any address.
//!
//! A file of a data set has a pinned digest and is only there under its name once it matched; another one has the digest
//! that the user or its server names, where one does. Interrupted downloads resume.

mod catalogue;
mod digest;
mod hosts;
mod hub;
mod local;
mod networks;
mod remote;
#[cfg(test)]
mod tests;
mod transfer;
mod web;

use std::fs;
use std::path::{Path, PathBuf};

pub use catalogue::KnownDataset;
use catalogue::PinnedFile;
pub use hosts::HostList;
pub use hub::{Hub, HubModel, ModelAddress};
pub use remote::{FetchedFile, RemoteFile, RemoteProgress, checked_sha256, forget, sha256_of};
use transfer::Transfer;
pub use web::{Access, Pace};

use crate::{DataError, DataErrorKind};

/// Where the files come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FetchFrom {
    /// The package of the distribution where it is installed, else the official address.
    #[default]
    Official,
    /// A folder that has the files.
    Folder(PathBuf),
    /// The address of a folder on a mirror.
    Url(String),
}

impl FetchFrom {
    /// What a user wrote: an address if it starts with `http://` or `https://`, else a folder.
    pub fn parse(text: &str) -> Self {
        if text.starts_with("http://") || text.starts_with("https://") {
            FetchFrom::Url(text.to_owned())
        } else {
            FetchFrom::Folder(PathBuf::from(text))
        }
    }
}

/// How far a file has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchProgress<'a> {
    /// The file's name.
    pub file: &'a str,
    /// Bytes that are here.
    pub done_bytes: u64,
    /// Bytes of the whole file.
    pub total_bytes: u64,
    /// Where they come from.
    pub origin: FetchOrigin,
}

/// Where a file comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchOrigin {
    /// It was there already.
    Present,
    /// It is copied from a folder of this machine.
    Folder,
    /// It is downloaded.
    Network,
}

/// Puts the files of `dataset` into the folder `into` and calls `progress` on the way. Files that are there and
/// match are left alone. Returns the paths of the files.
///
/// # Errors
/// A file cannot be had or written, or has another digest than the pinned one; then nothing of it is left.
pub fn fetch(
    dataset: KnownDataset,
    from: &FetchFrom,
    into: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<Vec<PathBuf>, DataError> {
    fetch_files(dataset.files(), dataset.address(), dataset.package_folder(), from, into, progress)
}

fn fetch_files(
    files: &[PinnedFile],
    address: &str,
    package_folder: Option<&Path>,
    from: &FetchFrom,
    into: &Path,
    progress: &mut dyn FnMut(FetchProgress<'_>),
) -> Result<Vec<PathBuf>, DataError> {
    fs::create_dir_all(into).map_err(|error| DataError::io("make folder", into, error))?;
    let mut paths = Vec::new();
    for file in files {
        let target = into.join(file.name);
        let mut report = |done_bytes, origin| {
            progress(FetchProgress { file: file.name, done_bytes, total_bytes: file.size, origin });
        };
        if is_present(file, &target)? {
            report(file.size, FetchOrigin::Present);
        } else {
            match from {
                FetchFrom::Folder(folder) => local::copy(file, folder, &target, &mut report)?,
                FetchFrom::Url(url) => download(file, url, &target, &mut report)?,
                FetchFrom::Official => match package_folder.filter(|folder| folder.join(file.name).is_file())
                {
                    Some(folder) => local::copy(file, folder, &target, &mut report)?,
                    None => download(file, address, &target, &mut report)?,
                },
            }
        }
        paths.push(target);
    }
    Ok(paths)
}

/// Downloads the file from the folder at `base`.
fn download(
    file: &PinnedFile,
    base: &str,
    target: &Path,
    report: &mut dyn FnMut(u64, FetchOrigin),
) -> Result<(), DataError> {
    let url = format!("{}/{}", base.trim_end_matches('/'), file.name);
    let (part, access) = (part_path(target), Access::default());
    let transfer = Transfer {
        url: &url,
        part: &part,
        size: Some(file.size),
        is_pinned: true,
        token: None,
        access: &access,
    };
    transfer.run(&mut |done, _| {
        report(done, FetchOrigin::Network);
        true
    })?;
    finish(file, &part, target, &format!("`{url}`"))
}

/// Whether the file is there and right. One that is there and wrong is fetched again.
fn is_present(file: &PinnedFile, target: &Path) -> Result<bool, DataError> {
    match fs::metadata(target) {
        Ok(metadata) if metadata.is_file() => digest::matches(file, target),
        _ => Ok(false),
    }
}

/// The place of a file that is not complete.
fn part_path(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Gives a complete file its name if it has the right digest; else removes it.
fn finish(file: &PinnedFile, part: &Path, target: &Path, origin: &str) -> Result<(), DataError> {
    if !digest::matches(file, part)? {
        fs::remove_file(part).map_err(|error| DataError::io("remove", part, error))?;
        let (name, pinned) = (file.name, file.pinned);
        return Err(DataError::new(
            DataErrorKind::WrongDigest,
            format!("`{name}` from {origin} has another digest than {pinned}; it was removed"),
        ));
    }
    let synced = fs::File::open(part).and_then(|file| file.sync_all());
    synced.and_then(|()| fs::rename(part, target)).map_err(|error| DataError::io("write", target, error))
}
