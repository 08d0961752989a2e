//! What can go wrong with the folder of a run.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why the folder of a run is of no use.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunError {
    /// A file cannot be read or written.
    Io {
        /// What was tried, as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no such run, it goes on elsewhere, or its files are damaged.
    Run(String),
}

impl RunError {
    /// `action` was tried on `path`.
    pub fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }
}

impl fmt::Display for RunError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { action, path, source } => {
                write!(formatter, "cannot {action} `{}`: {source}", path.display())
            }
            Self::Run(problem) => formatter.write_str(problem),
        }
    }
}

impl Error for RunError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Run(_) => None,
        }
    }
}
