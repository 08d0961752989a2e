//! A private place on the repository's file system: `<root>/.staging/<unique>/`, where bundles are put together
//! before they are published and taken apart after they are removed.
//!
//! The owner holds a lock on `<unique>.lock`. The system drops the lock when the owner ends, however it ends,
//! so a slot whose lock is free is left over and may be swept; process ids, which are used again and mean
//! nothing in another container, play no part.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::BundleError;

/// The folder of the slots; no model name begins with a dot.
const STAGING_FOLDER: &str = ".staging";

/// Held while a slot is made or left-overs are swept, so that no slot is seen half made.
const FOLDER_LOCK: &str = ".lock";

const LOCK_SUFFIX: &str = ".lock";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A slot of this process; dropping it deletes what is still in it.
#[derive(Debug)]
pub(crate) struct Slot {
    folder: PathBuf,
    lock_path: PathBuf,
    _lock: File,
}

impl Slot {
    /// A new, empty slot in the repository at `root`.
    pub(crate) fn create(root: &Path) -> Result<Self, BundleError> {
        let staging = root.join(STAGING_FOLDER);
        fs::create_dir_all(&staging).map_err(BundleError::io("make", &staging))?;
        let _guard = lock(&staging.join(FOLDER_LOCK))?;
        let unique = unique_name();
        let lock_path = staging.join(format!("{unique}{LOCK_SUFFIX}"));
        let slot_lock = lock(&lock_path)?;
        let folder = staging.join(unique);
        fs::create_dir(&folder).map_err(BundleError::io("make", &folder))?;
        Ok(Self { folder, lock_path, _lock: slot_lock })
    }

    /// The slot's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // What cannot be deleted now is swept later: the lock ends with this process at the latest.
        let _ = fs::remove_dir_all(&self.folder);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// Deletes the slots whose owners have ended, and says how many there were.
pub(crate) fn sweep(root: &Path) -> Result<usize, BundleError> {
    let staging = root.join(STAGING_FOLDER);
    if !staging.exists() {
        return Ok(0);
    }
    let _guard = lock(&staging.join(FOLDER_LOCK))?;
    let mut swept = 0;
    let entries = fs::read_dir(&staging).map_err(BundleError::io("list", &staging))?;
    for entry in entries.filter_map(Result::ok) {
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let unique = name.strip_suffix(LOCK_SUFFIX).unwrap_or(&name);
        if !unique.is_empty() && !unique.starts_with('.') && sweep_slot(&staging, unique) {
            swept += 1;
        }
    }
    Ok(swept)
}

/// Deletes one slot if its owner has ended. A folder without its lock file is a left-over as well: the lock is
/// made first and deleted last.
fn sweep_slot(staging: &Path, unique: &str) -> bool {
    let (folder, lock_path) = (staging.join(unique), staging.join(format!("{unique}{LOCK_SUFFIX}")));
    if let Ok(file) = File::open(&lock_path)
        && matches!(file.try_lock(), Err(TryLockError::WouldBlock))
    {
        return false;
    }
    let folder_gone = !folder.exists() || fs::remove_dir_all(&folder).is_ok();
    let lock_gone = folder_gone && fs::remove_file(&lock_path).is_ok();
    folder_gone && lock_gone
}

fn lock(path: &Path) -> Result<File, BundleError> {
    let open = || -> io::Result<File> {
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        file.lock()?;
        Ok(file)
    };
    open().map_err(BundleError::io("lock", path))
}

/// A name that no other slot of this repository has: two processes that share an id (in two containers) would
/// also have to share a nanosecond.
fn unique_name() -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos());
    format!("{}-{nanos}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
