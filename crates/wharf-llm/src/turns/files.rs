//! The files whose locks are the line.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

/// Where the files are that all models of a server stand in line with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnFiles {
    /// Locked by whoever is to be next.
    pub next: PathBuf,
    /// Locked by whoever computes.
    pub running: PathBuf,
}

/// Keeps those files there, in memory, for as long as it lives.
#[derive(Debug)]
pub struct TurnKeeper {
    next: OwnedFd,
    running: OwnedFd,
}

impl TurnKeeper {
    /// A line of its own.
    ///
    /// # Errors
    /// The system has no files in memory, or no descriptors left.
    pub fn new() -> io::Result<Self> {
        let file = |name| memfd_create(name, MemfdFlags::CLOEXEC);
        Ok(Self { next: file("wharf-turn-next")?, running: file("wharf-turn-running")? })
    }

    /// Where processes of the same user find them.
    pub fn files(&self) -> TurnFiles {
        let process = std::process::id();
        let path = |file: &OwnedFd| PathBuf::from(format!("/proc/{process}/fd/{}", file.as_raw_fd()));
        TurnFiles { next: path(&self.next), running: path(&self.running) }
    }
}
