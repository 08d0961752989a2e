//! Two locks of files that processes stand in line with.

use std::fs::{File, TryLockError};
use std::io;

use super::TurnFiles;

/// Whoever computes has `running`. Whoever is to be next has `next` while it waits for `running`: so one that leaves and
/// comes back at once stands behind it. The system gives back what a process held when it ends, however it ends.
#[derive(Debug)]
pub(super) struct Lanes {
    next: File,
    running: File,
}

impl Lanes {
    /// Opens the files anew: who shares an open file shares its locks.
    pub(super) fn open(files: &TurnFiles) -> io::Result<Self> {
        Ok(Self { next: File::open(&files.next)?, running: File::open(&files.running)? })
    }

    /// Whether there was nobody before us.
    pub(super) fn try_enter(&self) -> io::Result<bool> {
        if !taken(self.next.try_lock())? {
            return Ok(false);
        }
        let entered = taken(self.running.try_lock());
        self.next.unlock()?;
        entered
    }

    /// Waits for those before us.
    pub(super) fn enter(&self) -> io::Result<()> {
        self.next.lock()?;
        let entered = self.running.lock();
        self.next.unlock()?;
        entered
    }

    pub(super) fn leave(&self) -> io::Result<()> {
        self.running.unlock()
    }

    /// Whether somebody waits for the one who computes to leave.
    #[cfg(test)]
    pub(super) fn is_awaited(&self) -> bool {
        let is_free = taken(self.next.try_lock()).unwrap();
        if is_free {
            self.next.unlock().unwrap();
        }
        !is_free
    }
}

fn taken(outcome: Result<(), TryLockError>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
