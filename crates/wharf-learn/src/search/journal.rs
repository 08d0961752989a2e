//! The journal of a search: a line of JSON per question and answer, on the disk before it counts.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Proposal, Search, SearchSettings, Trial};
use crate::{LearnError, LearnErrorKind};

/// The version of the format.
const SCHEMA: u32 = 1;

/// A search whose questions and answers are kept in a file. A process that ends at any moment, even in the middle of a
/// line, leaves a file with which the search goes on as if nothing had happened.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    search: Search,
    notes: Vec<serde_json::Value>,
}

/// A line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
enum Event {
    /// The first line.
    Start { schema: u32, search: SearchSettings },
    /// A trial was proposed.
    Ask { trial: Trial },
    /// A trial ended; no loss for a failure.
    Tell {
        id: u64,
        loss: Option<f64>,
        /// What the caller wants to remember of it.
        #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
        note: serde_json::Value,
    },
}

impl Journal {
    /// Opens the journal at `path`, or begins one. An unfinished last line is dropped.
    ///
    /// # Errors
    /// The file cannot be read or written, is in use by another process, is no journal, or is that of another search.
    pub fn open(path: &Path, settings: SearchSettings) -> Result<Self, LearnError> {
        let fail = |what: &str, error| io_error(what, path, error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(|error| fail("open", error))?;
        lock(&file, path)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|error| fail("read", error))?;
        let whole = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        if whole < content.len() {
            file.set_len(whole as u64).map_err(|error| fail("shorten", error))?;
        }
        file.seek(SeekFrom::Start(whole as u64)).map_err(|error| fail("read", error))?;
        let search = Search::new(settings)?;
        let mut journal = Self { path: path.to_owned(), file, search, notes: Vec::new() };
        if whole == 0 {
            journal.begin()?;
        } else {
            journal.replay(&content[..whole])?;
        }
        Ok(journal)
    }

    /// The search so far.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// What was noted of the trials that were told, in that order; null where there was nothing to note.
    pub fn notes(&self) -> &[serde_json::Value] {
        &self.notes
    }

    /// As [`Search::ask`]; the trial is on the disk when it is returned. Trials that were running when the process
    /// ended are in [`Search::running`] and are not proposed again.
    ///
    /// # Errors
    /// The file cannot be written; the search is as before.
    pub fn ask(&mut self) -> Result<Proposal, LearnError> {
        let mut next = self.search.clone();
        let proposal = next.ask();
        if let Proposal::Run(trial) = &proposal {
            self.write(&Event::Ask { trial: trial.clone() })?;
        }
        self.search = next;
        Ok(proposal)
    }

    /// As [`Search::tell`], with a note for whoever reads the journal, such as metrics by fold.
    ///
    /// # Errors
    /// The trial was not asked for or has been told already, or the file cannot be written; the search is as before.
    pub fn tell(&mut self, id: u64, loss: Option<f64>, note: serde_json::Value) -> Result<(), LearnError> {
        self.search.check_tell(id)?;
        let loss = loss.filter(|loss| loss.is_finite()).map(|loss| super::space::rounded(loss, 12));
        self.write(&Event::Tell { id, loss, note: note.clone() })?;
        self.notes.push(note);
        self.search.tell(id, loss)
    }

    fn begin(&mut self) -> Result<(), LearnError> {
        self.write(&Event::Start { schema: SCHEMA, search: self.search.settings().clone() })?;
        // A file that is new is known only once its folder is on the disk.
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let sync = File::open(folder).and_then(|folder| folder.sync_all());
        sync.map_err(|error| io_error("sync the folder of", &self.path, error))
    }

    /// Appends a line. Where that fails the file is cut back, so that no half of a line stays before the next.
    fn write(&mut self, event: &Event) -> Result<(), LearnError> {
        let encoded = serde_json::to_vec(event);
        let mut line = encoded.map_err(|error| io_error("write", &self.path, error.into()))?;
        line.push(b'\n');
        let begin = self.file.stream_position().map_err(|error| io_error("write", &self.path, error))?;
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|error| {
            // If this fails too, the half line is dropped when the journal is opened next.
            let _unwritable = self.file.set_len(begin).and_then(|()| self.file.seek(SeekFrom::Start(begin)));
            io_error("write", &self.path, error)
        })
    }

    fn replay(&mut self, content: &[u8]) -> Result<(), LearnError> {
        for (index, line) in content.split_inclusive(|&byte| byte == b'\n').enumerate() {
            let fail = |message: String| {
                let place = format!("`{}` line {}", self.path.display(), index + 1);
                LearnError::new(LearnErrorKind::Malformed, format!("{place}: {message}"))
            };
            let event: Event = serde_json::from_slice(line)
                .map_err(|error| fail(format!("is no event of a search: {error}")))?;
            let begins = matches!(event, Event::Start { .. });
            if begins != (index == 0) {
                return Err(fail("expected `start` as the first event and nowhere else".to_owned()));
            }
            if let Event::Tell { note, .. } = &event {
                self.notes.push(note.clone());
            }
            apply(&mut self.search, event).map_err(fail)?;
        }
        Ok(())
    }
}

/// Does again what a line tells. What the search proposes must be what the line says.
fn apply(search: &mut Search, event: Event) -> Result<(), String> {
    match event {
        Event::Start { schema, .. } if schema != SCHEMA => {
            Err(format!("schema is {schema}, expected {SCHEMA}"))
        }
        Event::Start { search: settings, .. } if !is_same(&settings, search.settings()) => {
            Err("the journal is of a search with other settings; remove it to begin anew".to_owned())
        }
        Event::Start { .. } => Ok(()),
        Event::Ask { trial } => match search.ask() {
            Proposal::Run(proposed) if is_same(&proposed, &trial) => Ok(()),
            _ => Err(format!("trial {} is not what this search proposes here", trial.id)),
        },
        Event::Tell { id, loss, .. } => search.tell(id, loss).map_err(|error| error.to_string()),
    }
}

/// Whether two values are written alike: reading a number may change its last bit.
fn is_same<T: Serialize + for<'a> Deserialize<'a>>(a: &T, b: &T) -> bool {
    let reread = |value: &T| {
        let text = serde_json::to_vec(value).ok()?;
        serde_json::from_slice::<serde_json::Value>(&text).ok()
    };
    let (a, b) = (reread(a), reread(b));
    a.is_some() && a.zip(b).is_some_and(|(a, b)| nearly(&a, &b))
}

/// Equal up to the last bits of numbers.
fn nearly(a: &serde_json::Value, b: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let pair = a.as_f64().zip(b.as_f64());
            pair.is_some_and(|(a, b)| (a - b).abs() <= 4.0 * f64::EPSILON * a.abs().max(b.abs()))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| nearly(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| nearly(a, b)))
        }
        _ => a == b,
    }
}

fn lock(file: &File, path: &Path) -> Result<(), LearnError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => {
            let message = format!("`{}` is in use by another process", path.display());
            LearnError::new(LearnErrorKind::Io, message)
        }
        TryLockError::Error(error) => io_error("lock", path, error),
    })
}

fn io_error(what: &str, path: &Path, error: std::io::Error) -> LearnError {
    let message = format!("cannot {what} `{}`: {error}", path.display());
    LearnError::new(LearnErrorKind::Io, message).with_source(error)
}
