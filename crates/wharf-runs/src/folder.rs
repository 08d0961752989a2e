//! The folder of one run.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::RunError;
use crate::files;

const STATUS: &str = "status.json";
const LOCK: &str = "lock";

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The run's id.
    pub id: String,
    /// The recipe's name.
    pub name: String,
    /// Whether it goes on, was interrupted or is complete.
    pub state: RunState,
    /// When it began, as `2026-11-23T15:25:19Z`.
    pub started: String,
    /// Epochs done; 0 where there are none.
    pub epochs: u32,
    /// Steps done; 0 where there are none.
    pub steps: u64,
    /// Trials done, of a run that chooses among models.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub trials: u64,
    /// Seconds of training.
    pub seconds: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on, or was killed.
    Running,
    /// The caller stopped it; it can be resumed.
    Interrupted,
    /// It is complete.
    Finished,
}

/// The folder of one run.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// Held while the run goes on, by whoever runs it; the system lets go of it however the process ends.
    _lock: Option<fs::File>,
}

impl RunFolder {
    /// Makes the folder where it is not there, and holds it for this process.
    ///
    /// # Errors
    /// It cannot be made, or another process holds it.
    pub fn hold(path: &Path) -> Result<Self, RunError> {
        files::create_folder(path)?;
        let lock = path.join(LOCK);
        let file = fs::File::create(&lock).map_err(|error| RunError::io("create", &lock, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_path_buf(), _lock: Some(file) }),
            Err(fs::TryLockError::WouldBlock) => {
                Err(RunError::Run(format!("the run in `{}` goes on in another process", path.display())))
            }
            Err(fs::TryLockError::Error(error)) => Err(RunError::io("lock", &lock, error)),
        }
    }

    /// The folder, to look at alone.
    pub fn view(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), _lock: None }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run's id: the folder's name.
    pub fn id(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Writes a file whole.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), RunError> {
        files::write_atomically(&self.path.join(name), content)
    }

    /// Writes a value as JSON that people can read.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let mut text = serde_json::to_vec_pretty(value).map_err(|error| cannot_write(name, &error))?;
        text.push(b'\n');
        self.write(name, &text)
    }

    /// Reads a value that was written as JSON; `None` where the file is not there.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, RunError> {
        let path = self.path.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let damaged = |error| RunError::Run(format!("`{}` is damaged: {error}", path.display()));
        serde_json::from_slice(&files::read(&path)?).map(Some).map_err(damaged)
    }

    /// Says how far the run has come.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_status(&self, status: &RunStatus) -> Result<(), RunError> {
        self.write_json(STATUS, status)
    }

    /// How far the run has come; `None` where nothing says so.
    ///
    /// # Errors
    /// The file is damaged or cannot be read.
    pub fn status(&self) -> Result<Option<RunStatus>, RunError> {
        self.read_json(STATUS)
    }

    /// Adds a value as a line and makes it durable.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append_line(&self, name: &str, value: &impl Serialize) -> Result<(), RunError> {
        let path = self.path.join(name);
        let append = || {
            let mut line = serde_json::to_vec(value)?;
            line.push(b'\n');
            let mut file = fs::OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(&line)?;
            file.sync_all()
        };
        append().map_err(|error| RunError::io("write", &path, error))
    }

    /// The values of the lines of a file, none where there is none. What follows a line that was cut off is left out.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, RunError> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map_while(|line| serde_json::from_str(line).ok()).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(RunError::io("read", &path, error)),
        }
    }

    /// Makes these the lines of a file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write_lines(&self, name: &str, values: &[impl Serialize]) -> Result<(), RunError> {
        let mut text = Vec::new();
        for value in values {
            serde_json::to_writer(&mut text, value).map_err(|error| cannot_write(name, &error))?;
            text.push(b'\n');
        }
        self.write(name, &text)
    }
}

fn cannot_write(name: &str, error: &serde_json::Error) -> RunError {
    RunError::Run(format!("cannot write `{name}`: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_cut_off_is_left_out_and_its_place_can_be_taken() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::hold(root.path()).unwrap();
        (1..=3).for_each(|number| folder.append_line("x.jsonl", &number).unwrap());
        let mut file = fs::OpenOptions::new().append(true).open(root.path().join("x.jsonl")).unwrap();
        file.write_all(b"[4,").unwrap();
        assert_eq!(folder.lines::<i32>("x.jsonl").unwrap(), [1, 2, 3]);
        folder.write_lines("x.jsonl", &[1, 2]).unwrap();
        folder.append_line("x.jsonl", &3).unwrap();
        assert_eq!(folder.lines::<i32>("x.jsonl").unwrap(), [1, 2, 3]);
    }

    #[test]
    fn a_folder_is_held_by_one() {
        let root = tempfile::tempdir().unwrap();
        let first = RunFolder::hold(root.path()).unwrap();
        assert!(RunFolder::hold(root.path()).unwrap_err().to_string().contains("another process"));
        drop(first);
        RunFolder::hold(root.path()).unwrap();
    }

    #[test]
    fn damage_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::view(root.path());
        assert!(folder.status().unwrap().is_none());
        folder.write("status.json", b"{").unwrap();
        assert!(folder.status().unwrap_err().to_string().contains("status.json` is damaged"));
    }
}
