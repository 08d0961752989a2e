//! The copies that wait, and the thread that runs them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use wharf_engine::StopSignal;

use super::Job;
use crate::manager::Inner;

/// Copies that may wait.
const MAX_WAITING: usize = 64;
/// Bytes that they may keep together.
const MAX_BYTES: usize = 64 << 20;
/// While requests wait for a thread, the shadow rests for this many times what its last run took: it takes no more than
/// a twentieth of a core from them.
const RESTS: u32 = 19;
/// How often it looks whether they still wait.
const GLANCE: Duration = Duration::from_millis(1);

/// A bounded queue with one thread behind it, which is started for the first shadow and ends when this is dropped.
pub(crate) struct ShadowQueue(Arc<Shared>);

struct Shared {
    line: Mutex<Line>,
    wake: Condvar,
    stop: StopSignal,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    bytes: usize,
    has_thread: bool,
    is_closed: bool,
}

impl ShadowQueue {
    pub(crate) fn new() -> Self {
        let (line, wake, stop) = (Mutex::default(), Condvar::new(), StopSignal::new());
        Self(Arc::new(Shared { line, wake, stop }))
    }

    /// Starts the thread, unless it runs already.
    ///
    /// # Errors
    /// The system has no thread.
    pub(crate) fn start(&self, server: Weak<Inner>) -> io::Result<()> {
        let mut line = self.0.lock();
        if !line.has_thread {
            let queue = Arc::clone(&self.0);
            thread::Builder::new().name("wharf-shadow".to_owned()).spawn(move || queue.work(&server))?;
            line.has_thread = true;
        }
        Ok(())
    }

    /// Takes a copy, or drops and counts it where too many wait.
    pub(crate) fn submit(&self, job: Job) {
        let size = job.size();
        let mut line = self.0.lock();
        let has_room =
            line.jobs.len() < MAX_WAITING && (line.jobs.is_empty() || line.bytes + size <= MAX_BYTES);
        if line.is_closed || !has_room {
            drop(line);
            return job.dropped();
        }
        line.bytes += size;
        line.jobs.push_back(job);
        drop(line);
        self.0.wake.notify_one();
    }

    /// Ends the thread, and what it runs.
    pub(crate) fn close(&self) {
        let mut line = self.0.lock();
        line.is_closed = true;
        let jobs = std::mem::take(&mut line.jobs);
        drop(line);
        self.0.stop.stop();
        self.0.wake.notify_all();
        // Without the lock: the last reference to a version may be among them.
        drop(jobs);
    }
}

impl Drop for ShadowQueue {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn work(&self, server: &Weak<Inner>) {
        let mut last_run = Duration::ZERO;
        while self.give_way(server, last_run) {
            let Some(job) = self.next() else { return };
            let started = Instant::now();
            job.run(&self.stop);
            last_run = started.elapsed();
        }
    }

    fn next(&self) -> Option<Job> {
        let mut line = self.lock();
        loop {
            if line.is_closed {
                return None;
            }
            if let Some(job) = line.jobs.pop_front() {
                line.bytes -= job.size();
                return Some(job);
            }
            line = self.wake.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets requests go first for a while. Says whether there is still a server.
    fn give_way(&self, server: &Weak<Inner>, last_run: Duration) -> bool {
        let give_up = Instant::now() + last_run * RESTS;
        loop {
            let Some(is_busy) = server.upgrade().map(|server| server.pool.waiting() > 0) else {
                return false;
            };
            let line = self.lock();
            if line.is_closed {
                return false;
            }
            if !is_busy || Instant::now() >= give_up {
                return true;
            }
            drop(self.wake.wait_timeout(line, GLANCE).unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
