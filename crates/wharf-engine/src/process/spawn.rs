//! Processes that are workers, whatever they work on.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// What a worker is called in lists of processes.
const NAME: &str = "wharf-worker";
/// A worker that has lived this long was well.
const WELL_AFTER: Duration = Duration::from_secs(60);
/// The longest pause before a worker is started again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The command that a worker process is: it calls [`crate::serve_worker`] or the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl WorkerCommand {
    /// `program` with these arguments.
    pub fn new<A: Into<OsString>>(
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: Vec::new(),
        }
    }

    /// With one more variable of its environment.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the process with `control` as its standard input. The child is for whoever waits for its end.
    ///
    /// # Errors
    /// There is no such program, or no room for one more process.
    pub fn start(&self, control: OwnedFd) -> io::Result<(WorkerProcess, Child)> {
        let mut child = self.spawn(control)?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let opened = pid
            .ok_or_else(|| io::Error::other("a process without a number"))
            .and_then(|pid| Ok(pidfd_open(pid, PidfdFlags::empty())?));
        let handle = opened.inspect_err(|_| {
            let _is_gone = child.kill().and_then(|()| child.wait());
        })?;
        Ok((WorkerProcess { handle }, child))
    }

    fn spawn(&self, control: OwnedFd) -> io::Result<Child> {
        let log = io::stderr().as_fd().try_clone_to_owned()?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        // A group of its own: Ctrl-C in a terminal is for the server, whose requests the worker still answers then.
        command.arg0(NAME).process_group(0);
        // What native code prints belongs in the log.
        command.stdin(Stdio::from(control)).stdout(Stdio::from(log)).spawn()
    }
}

/// A worker process, for whoever ends it: never another one that got its number.
#[derive(Debug)]
pub struct WorkerProcess {
    handle: OwnedFd,
}

impl WorkerProcess {
    /// Ends the process, whatever it does.
    pub fn kill(&self) {
        // It may be gone already.
        let _is_gone = pidfd_send_signal(&self.handle, Signal::KILL);
    }
}

/// How long to wait before a worker is started again: not at all after its first end, then 1 s, 2 s, 4 s, ... up to a
/// minute, and from the start once one was well.
#[derive(Clone, Copy, Debug, Default)]
pub struct RestartPace {
    failures: u32,
}

impl RestartPace {
    /// A worker ended that had lived so long.
    pub fn ended(&mut self, lived: Duration) -> Duration {
        self.failures = if lived < WELL_AFTER { self.failures.saturating_add(1) } else { 1 };
        self.pause()
    }

    /// A worker was not started.
    pub fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.pause()
    }

    fn pause(self) -> Duration {
        match self.failures {
            0 | 1 => Duration::ZERO,
            failures => Duration::from_secs(1).saturating_mul(1 << (failures - 2).min(16)).min(LONGEST_PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_after_the_first_end_up_to_a_minute() {
        let mut pace = RestartPace::default();
        let seconds: Vec<u64> = (0..9).map(|_| pace.ended(Duration::ZERO).as_secs()).collect();
        assert_eq!(seconds, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(RestartPace { failures: u32::MAX }.failed(), LONGEST_PAUSE);
        assert_eq!(pace.ended(WELL_AFTER), Duration::ZERO);
        assert_eq!(pace.failed(), Duration::from_secs(1));
    }
}
