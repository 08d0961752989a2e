//! Threads for what must not hold up the caller: tokenising, compiling.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

type Work = Box<dyn FnOnce() + Send>;

/// A few threads that work off a queue. What is queued when it is dropped is still done.
pub(super) struct WorkPool {
    /// Taken away only when it is dropped, so that the threads end.
    sender: Mutex<Sender<Work>>,
}

impl WorkPool {
    /// # Errors
    /// The system gives no more threads.
    pub(super) fn new(threads: usize) -> std::io::Result<Self> {
        let (sender, receiver) = channel::<Work>();
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..threads {
            let receiver = receiver.clone();
            thread::Builder::new()
                .name(format!("llm-prepare-{number}"))
                .spawn(move || work_off(&receiver))?;
        }
        Ok(Self { sender: Mutex::new(sender) })
    }

    /// Queues work. It is lost only if all threads have panicked.
    pub(super) fn run(&self, work: impl FnOnce() + Send + 'static) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).send(Box::new(work)));
    }
}

fn work_off(receiver: &Mutex<Receiver<Work>>) {
    loop {
        let work = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = work else { return };
        work();
    }
}
