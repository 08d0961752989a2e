//! A file from any address: what its server says of it, then the file, checked.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use ureq::http::header::CONTENT_LENGTH;
use ureq::http::{Method, StatusCode};

use super::digest::digest;
use super::transfer::Transfer;
use super::web::{Access, Client, Failure, Follow, LINKED_DIGEST};
use crate::{DataError, DataErrorKind};

/// Beside the digest.
const LINKED_SIZE: &str = "x-linked-size";

/// A file at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteFile {
    /// The address.
    pub url: String,
    /// What it must be, in lower-case hexadecimal; `None` to take its server's word.
    pub sha256: Option<String>,
    /// Said to the address's own host, and to no other.
    pub token: Option<String>,
}

/// A file that has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its digest in lower-case hexadecimal.
    pub sha256: String,
    /// Whether somebody had said before that this would be its digest.
    pub is_pinned: bool,
    /// Its bytes.
    pub size_bytes: u64,
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteProgress<'a> {
    /// What it must be.
    pub sha256: Option<&'a str>,
    /// Bytes that are here.
    pub done_bytes: u64,
    /// Bytes of the whole, where that is known.
    pub total_bytes: Option<u64>,
}

/// What a server says of a file.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    sha256: Option<String>,
    size: Option<u64>,
}

impl RemoteFile {
    /// The file at `url`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), sha256: None, token: None }
    }

    /// The same, which must have this digest.
    ///
    /// # Errors
    /// It is no SHA-256 in hexadecimal.
    pub fn with_sha256(mut self, sha256: &str) -> Result<Self, DataError> {
        self.sha256 = Some(checked_sha256(sha256)?);
        Ok(self)
    }

    /// The same, with a token for its host.
    pub fn with_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// Downloads the file into the folder `into`, under a name of its own there. Interrupted downloads of a file whose
    /// digest is known go on where they were, in this call or a later one. `report` is told on the way, and ends it
    /// by `false`.
    ///
    /// # Errors
    /// The address may not be asked, the server has no such file, lies about it or is too slow, somebody else
    /// downloads the same file, it has another digest, or it cannot be written. Of a file that is wrong nothing is left.
    pub fn fetch(
        &self,
        access: &Access,
        into: &Path,
        report: &mut dyn FnMut(RemoteProgress<'_>) -> bool,
    ) -> Result<FetchedFile, DataError> {
        fs::create_dir_all(into).map_err(|error| DataError::io("make folder", into, error))?;
        let said = self.ask(access)?;
        let expected = self.expected(&said)?;
        let key = expected.clone().unwrap_or_else(|| name_of(&self.url));
        let part = into.join(format!("{key}.part"));
        let _lock = lock(&part)?;
        let transfer = Transfer {
            url: &self.url,
            part: &part,
            size: said.size,
            is_pinned: expected.is_some(),
            token: self.token.as_deref(),
            access,
        };
        let mut tell = |done_bytes, total_bytes| {
            report(RemoteProgress { sha256: expected.as_deref(), done_bytes, total_bytes })
        };
        let outcome = transfer
            .run(&mut tell)
            .and_then(|size_bytes| self.checked(&part, size_bytes, expected.as_deref()));
        // What may be gone on from stays.
        let is_useless = expected.is_none() || fs::metadata(&part).is_ok_and(|part| part.len() == 0);
        if outcome.is_err() && is_useless {
            // It may be gone already.
            let _ = fs::remove_file(&part);
        }
        outcome
    }

    /// A file that is complete, if it is what it must be; else it is removed.
    fn checked(
        &self,
        part: &Path,
        size_bytes: u64,
        expected: Option<&str>,
    ) -> Result<FetchedFile, DataError> {
        let sha256 = sha256_of(part)?;
        if let Some(expected) = expected.filter(|expected| *expected != sha256) {
            fs::remove_file(part).map_err(|error| DataError::io("remove", part, error))?;
            return Err(other_digest(&self.url, &sha256, expected));
        }
        Ok(FetchedFile { path: part.to_owned(), sha256, is_pinned: expected.is_some(), size_bytes })
    }

    /// The digest that the file must have.
    fn expected(&self, said: &Said) -> Result<Option<String>, DataError> {
        match (&self.sha256, &said.sha256) {
            (Some(wanted), Some(said)) if wanted != said => Err(other_digest(&self.url, said, wanted)),
            (wanted, said) => Ok(wanted.clone().or_else(|| said.clone())),
        }
    }

    /// What the server says of the file, without sending it. One that does not answer such a question says nothing.
    fn ask(&self, access: &Access) -> Result<Said, DataError> {
        let client = Client::new(access, self.token.as_deref());
        let response = match client.ask((&Method::HEAD, &self.url), &[], Follow::OnThisHost) {
            Ok(response) => response,
            Err(Failure::Final(error)) if error.kind() == DataErrorKind::Refused => return Err(error),
            Err(_) => return Ok(Said::default()),
        };
        let text = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let sha256 = text(LINKED_DIGEST).and_then(|tag| checked_sha256(tag.trim_matches('"')).ok());
        let own = text(CONTENT_LENGTH.as_str()).filter(|_| response.status() == StatusCode::OK);
        let size = text(LINKED_SIZE).or(own).and_then(|size| size.parse().ok());
        Ok(Said { sha256, size })
    }
}

/// Removes a file that has been fetched and is of no more use.
pub fn forget(file: &FetchedFile) {
    // It may have been moved to where it belongs; and what is left is found again by its digest.
    let _ = fs::remove_file(&file.path);
}

/// A digest in lower case.
///
/// # Errors
/// It is no SHA-256 in hexadecimal.
pub fn checked_sha256(text: &str) -> Result<String, DataError> {
    let text = text.strip_prefix("sha256:").unwrap_or(text);
    match text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(DataError::setting(format!("`{text}` is no SHA-256, expected 64 hexadecimal digits"))),
    }
}

/// The digest of a file that is here already.
///
/// # Errors
/// It cannot be read.
pub fn sha256_of(path: &Path) -> Result<String, DataError> {
    File::open(path).and_then(digest::<Sha256>).map_err(|error| DataError::io("read", path, error))
}

fn other_digest(url: &str, found: &str, expected: &str) -> DataError {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let text = format!("`{bare}` has the sha256 {found}, expected {expected}");
    DataError::new(DataErrorKind::WrongDigest, text)
}

/// A name for a file of which nothing is known but its address.
fn name_of(url: &str) -> String {
    format!("url-{}", crate::hex(&Sha256::digest(url)))
}

/// The file of a download, locked: the system lets go of it when this process ends, however it ends.
fn lock(path: &Path) -> Result<File, DataError> {
    loop {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let file = file.map_err(|error| DataError::io("write", path, error))?;
        match file.try_lock() {
            // Somebody may have published or removed it in between.
            Ok(()) if !is_still(&file, path) => {}
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                let text = "somebody else downloads this file now, expected nobody";
                return Err(DataError::new(DataErrorKind::Busy, text));
            }
            Err(TryLockError::Error(error)) => return Err(DataError::io("lock", path, error)),
        }
    }
}

/// Whether `path` still leads to `file`.
fn is_still(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(own), Ok(there)) => identity(own) == identity(there),
        _ => false,
    }
}
