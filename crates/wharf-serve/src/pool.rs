//! The threads that compute, and the bounded queue before them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

/// A piece of work. It answers whoever waits for it itself, also by being dropped.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// As many wait as may.
    Full,
    /// The pool has been closed.
    Closed,
}

/// A fixed number of threads, so that computing never holds up the threads that listen.
pub(crate) struct CpuPool(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    max_waiting: usize,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    /// Threads that have nothing to do.
    idle: usize,
    is_closed: bool,
}

impl CpuPool {
    /// Starts the threads.
    pub(crate) fn new(workers: usize, max_waiting: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), wake: Condvar::new(), max_waiting });
        let pool = Self(shared);
        for index in 0..workers.max(1) {
            let shared = Arc::clone(&pool.0);
            thread::Builder::new().name(format!("wharf-cpu-{index}")).spawn(move || shared.work())?;
        }
        Ok(pool)
    }

    /// Queues a job.
    pub(crate) fn submit(&self, job: Job) -> Result<(), Refusal> {
        let mut queue = self.0.lock();
        if queue.is_closed {
            return Err(Refusal::Closed);
        }
        // Jobs for which a thread is free do not wait, however short the queue may be.
        if queue.jobs.len() >= self.0.max_waiting.saturating_add(queue.idle) {
            return Err(Refusal::Full);
        }
        queue.jobs.push_back(job);
        drop(queue);
        self.0.wake.notify_one();
        Ok(())
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().jobs.len()
    }

    /// Drops what waits and lets the threads end after what they do now.
    pub(crate) fn close(&self) {
        let mut queue = self.0.lock();
        queue.is_closed = true;
        let jobs = std::mem::take(&mut queue.jobs);
        drop(queue);
        self.0.wake.notify_all();
        // Without the lock: a dropped job answers whoever waits for it.
        drop(jobs);
    }
}

impl Drop for CpuPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn work(&self) {
        while let Some(job) = self.next() {
            // Jobs answer for their own panics; this one keeps the thread.
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a job panicked outside of its own guard");
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.is_closed {
                return None;
            }
            queue.idle += 1;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A pool of one thread that is busy until the sender is used or dropped.
    fn busy_pool(max_waiting: usize) -> (CpuPool, mpsc::Sender<()>) {
        let pool = CpuPool::new(1, max_waiting).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel();
        pool.submit(Box::new(move || {
            let _ = started.send(());
            let _ = gate.recv();
        }))
        .unwrap();
        running.recv().unwrap();
        (pool, release)
    }

    #[test]
    fn queue_is_bounded_and_first_in_goes_first() {
        let (pool, release) = busy_pool(2);
        let (send, receive) = mpsc::channel();
        for number in 0..2 {
            let send = send.clone();
            pool.submit(Box::new(move || {
                let _ = send.send(number);
            }))
            .unwrap();
        }
        assert_eq!(pool.submit(Box::new(|| {})), Err(Refusal::Full));
        assert_eq!(pool.waiting(), 2);
        drop((release, send));
        assert_eq!(receive.iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn closing_drops_what_waits_and_refuses_the_rest() {
        let (pool, release) = busy_pool(2);
        let (send, receive) = mpsc::channel::<()>();
        pool.submit(Box::new(move || {
            let _ = send.send(());
        }))
        .unwrap();
        pool.close();
        assert!(receive.recv().is_err(), "the job was dropped, not run");
        assert_eq!(pool.submit(Box::new(|| {})), Err(Refusal::Closed));
        drop(release);
    }

    #[test]
    fn a_panic_does_not_cost_the_thread() {
        let pool = CpuPool::new(1, 4).unwrap();
        let (send, receive) = mpsc::channel();
        pool.submit(Box::new(|| panic!("on purpose"))).unwrap();
        pool.submit(Box::new(move || {
            let _ = send.send(7);
        }))
        .unwrap();
        assert_eq!(receive.recv(), Ok(7));
    }
}
