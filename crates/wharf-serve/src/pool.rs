//! The threads that compute, and the bounded queue before them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{io, thread};

use crate::batch::{
    Batch, Candidate, CloseReason, Dropped, Entry, LaneKey, LaneRules, Line, NoRoom, RunPlace,
};

/// A piece of work. It answers whoever waits for it itself, also by being dropped.
pub(crate) trait Job: Send + Sized + 'static {
    /// Whether somebody still waits for it.
    fn is_wanted(&self, now: Instant) -> bool;

    /// Nobody waits for it any more, or not for this long.
    fn expire(self);

    /// It has waited for too long, and nobody can say how much longer it would: `wait` is what one who comes now has
    /// to expect.
    fn shed(self, wait: Duration);

    /// Does several at once, which have so many rows together.
    fn run(batch: Vec<Self>, rows: usize, reason: CloseReason);
}

/// Why a job was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no room for it.
    NoRoom(NoRoom),
    /// The pool has been closed.
    Closed,
}

/// A fixed number of threads, so that computing never holds up the threads that listen.
pub(crate) struct CpuPool<J: Job>(Arc<Shared<J>>);

struct Shared<J> {
    queue: Mutex<Queue<J>>,
    wake: Condvar,
    max_waiting: usize,
    /// Threads that there are.
    started: Mutex<usize>,
}

struct Queue<J> {
    line: Line<J>,
    /// Threads that have nothing to do.
    idle: usize,
    is_closed: bool,
}

/// What a thread does next.
struct Turn<J> {
    batch: Option<Batch<J>>,
    dropped: Dropped<J>,
    /// How long one who comes now has to wait.
    wait: Duration,
}

impl<J: Job> CpuPool<J> {
    /// Starts the threads.
    pub(crate) fn new(workers: usize, max_waiting: usize) -> io::Result<Self> {
        let queue = Queue { line: Line::new(workers.max(1)), idle: 0, is_closed: false };
        let started = Mutex::new(0);
        let shared =
            Arc::new(Shared { queue: Mutex::new(queue), wake: Condvar::new(), max_waiting, started });
        let pool = Self(shared);
        pool.grow(workers.max(1))?;
        Ok(pool)
    }

    /// Starts more threads until there are so many: for a model that may have more runs at once than there are threads.
    /// Other models go on as before.
    pub(crate) fn grow(&self, workers: usize) -> io::Result<()> {
        let mut started = self.0.started.lock().unwrap_or_else(PoisonError::into_inner);
        while *started < workers {
            let shared = Arc::clone(&self.0);
            thread::Builder::new().name(format!("wharf-cpu-{started}")).spawn(move || shared.work())?;
            *started += 1;
        }
        Ok(())
    }

    /// Queues a job, which is of use until `deadline`.
    pub(crate) fn submit(
        &self,
        key: LaneKey,
        rules: LaneRules,
        entry: Entry<J>,
        deadline: Option<Instant>,
    ) -> Result<(), Refusal> {
        let Entry { rank, queue, arrived, cost, .. } = entry;
        let one = Candidate { model: key.model, queue, rank, arrived, cost: Some(cost), deadline };
        let mut queue = self.0.lock();
        queue.check_room(&one, self.0.max_waiting)?;
        queue.line.push(key, rules, entry);
        drop(queue);
        self.0.wake.notify_one();
        Ok(())
    }

    /// Whether a job would be queued now, by what is known of it before it has been read.
    pub(crate) fn check_room(&self, one: &Candidate) -> Result<(), Refusal> {
        self.0.lock().check_room(one, self.0.max_waiting)
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.lock().line.len()
    }

    /// Has no job wait for company any more.
    pub(crate) fn hurry(&self) {
        self.0.lock().line.hurry();
        self.0.wake.notify_all();
    }

    /// Drops what waits and lets the threads end after what they do now.
    pub(crate) fn close(&self) {
        let mut queue = self.0.lock();
        queue.is_closed = true;
        let jobs = queue.line.clear();
        drop(queue);
        self.0.wake.notify_all();
        // Without the lock: a dropped job answers whoever waits for it.
        drop(jobs);
    }
}

impl<J: Job> Drop for CpuPool<J> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<J: Job> Queue<J> {
    fn check_room(&mut self, one: &Candidate, max_waiting: usize) -> Result<(), Refusal> {
        if self.is_closed {
            return Err(Refusal::Closed);
        }
        // Jobs for which a thread is free do not wait, however short the queue may be.
        if self.line.len() < self.idle {
            return Ok(());
        }
        let is_full = self.line.len() >= max_waiting.saturating_add(self.idle);
        self.line.check_room(one, is_full).map_err(Refusal::NoRoom)
    }
}

impl<J: Job> Shared<J> {
    fn work(&self) {
        let mut ended = None;
        while let Some(Turn { batch, dropped, wait }) = self.next(ended.take()) {
            dropped.unwanted.into_iter().for_each(J::expire);
            dropped.stale.into_iter().for_each(|job| job.shed(wait));
            let Some(Batch { items, rows, reason, place }) = batch else { continue };
            ended = Some(place);
            // Jobs answer for their own panics; this one keeps the thread.
            if catch_unwind(AssertUnwindSafe(|| J::run(items, rows, reason))).is_err() {
                tracing::error!("a job panicked outside of its own guard");
            }
        }
    }

    /// What is next for a thread whose last run has `ended`.
    fn next(&self, ended: Option<RunPlace>) -> Option<Turn<J>> {
        let mut queue = self.lock();
        if let Some(place) = ended {
            queue.line.ended(place);
            // What waited for this place may not be what this thread takes.
            if queue.idle > 0 && queue.line.len() > 1 {
                self.wake.notify_one();
            }
        }
        loop {
            let (now, mut dropped) = (Instant::now(), Dropped::default());
            let batch = queue.line.take(now, |job| job.is_wanted(now), &mut dropped);
            if batch.is_some() || !dropped.is_empty() {
                return Some(Turn { batch, dropped, wait: queue.line.longest_wait() });
            }
            if queue.is_closed {
                return None;
            }
            queue.idle += 1;
            queue = match queue.line.next_due() {
                None => self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let pause = due.saturating_duration_since(now);
                    self.wake.wait_timeout(queue, pause).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            queue.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<J>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::QueueConfig;
    use std::sync::mpsc;

    struct Closure(Box<dyn FnOnce() + Send>);

    impl Job for Closure {
        fn is_wanted(&self, _: Instant) -> bool {
            true
        }

        fn expire(self) {}

        fn shed(self, _: Duration) {}

        fn run(batch: Vec<Self>, _: usize, _: CloseReason) {
            batch.into_iter().for_each(|job| (job.0)());
        }
    }

    fn submit(pool: &CpuPool<Closure>, job: impl FnOnce() + Send + 'static) -> Result<(), Refusal> {
        let queue = QueueConfig::default().limits();
        let rules = LaneRules {
            max_rows: 1,
            preferred: Arc::default(),
            enough: usize::MAX,
            max_delay: Duration::ZERO,
            max_runs: None,
        };
        let (item, arrived) = (Closure(Box::new(job)), Instant::now());
        let entry = Entry { item, rows: 1, rank: 0, queue, arrived, cost: Duration::ZERO };
        pool.submit(LaneKey { model: 0, rows: None }, rules, entry, None)
    }

    /// A pool of one thread that is busy until the sender is used or dropped.
    fn busy_pool(max_waiting: usize) -> (CpuPool<Closure>, mpsc::Sender<()>) {
        let pool = CpuPool::new(1, max_waiting).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel();
        submit(&pool, move || {
            let _ = started.send(());
            let _ = gate.recv();
        })
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
            submit(&pool, move || {
                let _ = send.send(number);
            })
            .unwrap();
        }
        assert_eq!(submit(&pool, || {}), Err(Refusal::NoRoom(NoRoom::Full(Duration::ZERO))));
        assert_eq!(pool.waiting(), 2);
        drop((release, send));
        assert_eq!(receive.iter().collect::<Vec<_>>(), [0, 1]);
    }

    #[test]
    fn closing_drops_what_waits_and_refuses_the_rest() {
        let (pool, release) = busy_pool(2);
        let (send, receive) = mpsc::channel::<()>();
        submit(&pool, move || {
            let _ = send.send(());
        })
        .unwrap();
        pool.close();
        assert!(receive.recv().is_err(), "the job was dropped, not run");
        assert_eq!(submit(&pool, || {}), Err(Refusal::Closed));
        drop(release);
    }

    #[test]
    fn a_panic_does_not_cost_the_thread() {
        let pool = CpuPool::new(1, 4).unwrap();
        let (send, receive) = mpsc::channel();
        submit(&pool, || panic!("on purpose")).unwrap();
        submit(&pool, move || {
            let _ = send.send(7);
        })
        .unwrap();
        assert_eq!(receive.recv(), Ok(7));
    }
}
