//! The file, which is cut off at a size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file of lines and the older ones beside it.
pub(crate) struct RotatedFile {
    path: PathBuf,
    max_bytes: u64,
    kept: u32,
    file: File,
    length: u64,
}

impl RotatedFile {
    /// Opens the file, and goes on at its end.
    pub(crate) fn open(path: &Path, max_bytes: u64, kept: u32) -> io::Result<Self> {
        let (file, length) = open(path)?;
        Ok(Self { path: path.to_owned(), max_bytes, kept, file, length })
    }

    /// Writes one line, whole, in this file or in the next.
    pub(crate) fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length.saturating_add(line.len() as u64) > self.max_bytes {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// `<path>.1` becomes `<path>.2` and so on; the oldest goes.
    fn rotate(&mut self) -> io::Result<()> {
        let older = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..self.kept).rev() {
            move_if_there(&older(number), &older(number + 1))?;
        }
        match self.kept {
            0 => fs::remove_file(&self.path)?,
            _ => move_if_there(&self.path, &older(1))?,
        }
        (self.file, self.length) = open(&self.path)?;
        Ok(())
    }
}

/// For its owner alone: it holds what clients sent.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let length = file.metadata()?.len();
    Ok((file, length))
}

fn move_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        moved => moved,
    }
}
