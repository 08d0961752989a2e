//! Files that are there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `text` beside its place, brings it to the disk, and moves it there.
pub(super) fn write(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let staged = folder.join(format!(".{name}.partial"));
    let written = File::create(&staged).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&staged, folder.join(name)));
    if moved.is_err() {
        // The first error is the one to tell; what it left behind is overwritten next time.
        let _ = fs::remove_file(&staged);
    }
    moved
}

/// Brings the folder's own entries to the disk, so that the moves survive a loss of power.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
