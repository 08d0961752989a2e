//! Prefixes that survive a restart: states of sequences in files.
//!
//! Each model has a folder of its own, since a state is of no use to any other file, type of cache or build. What was used
//! least recently goes when the folder is full. A file that is damaged is deleted and never handed to the decoder.

mod file;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};
use wharf_infer::language::TokenId;

use crate::cache::{Namespace, common_prefix};
use file::Label;

/// Shorter prefixes are computed as fast as they are read.
pub(crate) const LEAST_TOKENS: usize = 64;
const EXTENSION: &str = "prefix";
/// Bytes of a weights file that tell it from others.
const BEGINNING: u64 = 1 << 20;

/// Where the prefixes of a model are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixStoreConfig {
    /// The model's own folder, made if it is not there.
    pub folder: PathBuf,
    /// Bytes that its files may take.
    pub size_bytes: u64,
}

impl PrefixStoreConfig {
    /// The folder below `root` of a weights file that is opened in a way that `settings` names: a state is of use to no
    /// other.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_model(root: &Path, weights: &Path, settings: &str, size_bytes: u64) -> io::Result<Self> {
        let folder = root.join(format!("{}-{settings}", name_of_weights(weights)?));
        Ok(Self { folder, size_bytes })
    }
}

/// Names a file by its size, its time and its beginning: reading gigabytes of weights would take longer than loading them.
fn name_of_weights(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut bytes = metadata.len().to_le_bytes().to_vec();
    bytes.extend(modified.as_nanos().to_le_bytes());
    file.take(BEGINNING).read_to_end(&mut bytes)?;
    let mut name = wharf_bundle::sha256(&bytes);
    name.truncate(32);
    Ok(name)
}

/// The prefixes that are stored.
#[derive(Debug)]
pub(crate) struct PrefixStore {
    config: PrefixStoreConfig,
    /// Least recently used first.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    label: Label,
    path: PathBuf,
    bytes: u64,
}

impl PrefixStore {
    /// Opens a folder and reads what its files say of themselves.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub(crate) fn open(config: PrefixStoreConfig) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.folder)?;
        let mut found: Vec<(SystemTime, Entry)> = Vec::new();
        for file in fs::read_dir(&config.folder)? {
            let path = file?.path();
            match entry_of(&path) {
                Ok(entry) => found.push(entry),
                // What was being written when the process ended, or is damaged.
                Err(_) => remove(&path),
            }
        }
        found.sort_by_key(|(used, _)| *used);
        let entries = found.into_iter().map(|(_, entry)| entry).collect();
        let mut store = Self { config, entries };
        store.make_room(0);
        Ok(store)
    }

    /// The tokens of the stored prefix that has most in common with these; `whole` if it must be all of it.
    pub(crate) fn find(&self, namespace: &Namespace, tokens: &[TokenId], whole: bool) -> Option<&[TokenId]> {
        let owner = owner(namespace);
        let fits = |entry: &&Entry| entry.label.owner == owner;
        let common = |entry: &Entry| match common_prefix(&entry.label.tokens, tokens) {
            length if whole && length < entry.label.tokens.len() => 0,
            length => length,
        };
        let best = self.entries.iter().filter(fits).max_by_key(|entry| common(entry))?;
        (common(best) >= LEAST_TOKENS).then_some(&best.label.tokens[..])
    }

    /// The state of exactly these tokens, which was found before. One that is damaged is gone afterwards.
    pub(crate) fn load(&mut self, namespace: &Namespace, tokens: &[TokenId]) -> Option<Vec<u8>> {
        let place = self.place(&owner(namespace), tokens)?;
        let entry = self.entries.remove(place);
        match file::read_state(&entry.path, &entry.label) {
            Ok(state) => {
                // The order survives as well. A file whose time cannot be set goes a little earlier.
                let _ = File::open(&entry.path).and_then(|file| file.set_modified(SystemTime::now()));
                self.entries.push(entry);
                Some(state)
            }
            Err(error) => {
                tracing::warn!(%error, "a stored prefix is of no use and was deleted");
                remove(&entry.path);
                None
            }
        }
    }

    /// Whether all of these tokens are stored already.
    pub(crate) fn has(&self, namespace: &Namespace, tokens: &[TokenId]) -> bool {
        let owner = owner(namespace);
        self.entries.iter().any(|entry| entry.label.owner == owner && entry.label.tokens.starts_with(tokens))
    }

    /// Stores a state in the place of those that it contains.
    pub(crate) fn put(&mut self, namespace: &Namespace, tokens: &[TokenId], state: &[u8]) {
        let label = Label { owner: owner(namespace), tokens: tokens.to_vec() };
        if state.len() as u64 > self.config.size_bytes {
            return;
        }
        let is_contained =
            |entry: &Entry| entry.label.owner == label.owner && tokens.starts_with(&entry.label.tokens);
        self.drop_where(is_contained);
        self.make_room(state.len() as u64);
        let path = self.config.folder.join(format!("{}.{EXTENSION}", name_of(&label)));
        match file::write(&path, &label, state) {
            Ok(bytes) => self.entries.push(Entry { label, path, bytes }),
            Err(error) => tracing::warn!(%error, "a prefix could not be stored"),
        }
    }

    fn make_room(&mut self, wanted: u64) {
        let mut taken: u64 = self.entries.iter().map(|entry| entry.bytes).sum();
        while taken.saturating_add(wanted) > self.config.size_bytes && !self.entries.is_empty() {
            let oldest = self.entries.remove(0);
            taken -= oldest.bytes;
            remove(&oldest.path);
        }
    }

    fn drop_where(&mut self, goes: impl Fn(&Entry) -> bool) {
        self.entries.extract_if(.., |entry| goes(entry)).for_each(|entry| remove(&entry.path));
    }

    fn place(&self, owner: &[u8; 32], tokens: &[TokenId]) -> Option<usize> {
        self.entries.iter().position(|entry| entry.label.owner == *owner && entry.label.tokens == tokens)
    }
}

/// Whose prefix it is, without saying who that is.
fn owner(namespace: &Namespace) -> [u8; 32] {
    let mut digest = Sha256::new();
    digest.update((namespace.caller.len() as u64).to_le_bytes());
    digest.update(&namespace.caller);
    digest.update(&namespace.salt);
    digest.finalize().into()
}

fn name_of(label: &Label) -> String {
    wharf_bundle::sha256(&[&label.owner[..], &file::bytes_of(&label.tokens)].concat())
}

fn entry_of(path: &Path) -> io::Result<(SystemTime, Entry)> {
    if path.extension().is_none_or(|extension| extension != EXTENSION) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let metadata = fs::symlink_metadata(path)?;
    let label = file::read_label(path)?;
    Ok((metadata.modified()?, Entry { label, path: path.to_owned(), bytes: metadata.len() }))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, "a stored prefix could not be deleted");
    }
}
