//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use crate::RunError;

/// Writes `content` beside `path`, makes it durable and moves it into place.
///
/// # Errors
/// The file cannot be written; what was there stays.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), RunError> {
    let mut staged = path.as_os_str().to_owned();
    staged.push(".part");
    let staged = Path::new(&staged);
    let write = || {
        let mut file = File::create(staged)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(staged, path)?;
        sync_folder(path.parent().unwrap_or(Path::new("")))
    };
    write().map_err(|error| RunError::io("write", path, error))
}

/// Makes the names in a folder durable.
///
/// # Errors
/// The system refuses.
pub fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it.
///
/// # Errors
/// It cannot be made.
pub fn create_folder(path: &Path) -> Result<(), RunError> {
    fs::create_dir_all(path).map_err(|error| RunError::io("create", path, error))
}

/// Reads a whole file.
///
/// # Errors
/// It cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, RunError> {
    fs::read(path).map_err(|error| RunError::io("read", path, error))
}
