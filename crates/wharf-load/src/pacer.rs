//! A thread that says when requests are due, more exactly than an event loop's millisecond timers can.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Gives each due time when it has come.
pub(crate) struct Pacer {
    due: UnboundedReceiver<Instant>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pacer {
    /// Starts counting at `start`.
    pub(crate) fn start(start: Instant, offsets: impl Iterator<Item = Duration> + Send + 'static) -> Self {
        let (send, due) = unbounded_channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for moment in offsets.map(|offset| start + offset) {
                if !wait_until(moment, &stopped) || send.send(moment).is_err() {
                    return;
                }
            }
        });
        Self { due, stop, thread: Some(thread) }
    }

    /// The next due time, when it has come; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<Instant> {
        self.due.recv().await
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It does nothing that could panic.
            let _ended = thread.join();
        }
    }
}

/// Waits; `false` if it was told to stop.
fn wait_until(moment: Instant, stopped: &AtomicBool) -> bool {
    loop {
        let wait = moment.saturating_duration_since(Instant::now());
        if stopped.load(Ordering::Relaxed) {
            return false;
        }
        if wait.is_zero() {
            return true;
        }
        thread::park_timeout(wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_time_comes_in_order_and_not_early() {
        let start = Instant::now();
        let offsets = [0, 1, 1, 3].map(Duration::from_millis);
        let mut pacer = Pacer::start(start, offsets.into_iter());
        for offset in offsets {
            let due = pacer.next().await.unwrap();
            assert_eq!(due, start + offset);
            assert!(Instant::now() >= due);
        }
        assert_eq!(pacer.next().await, None);
    }

    #[tokio::test]
    async fn dropping_it_ends_a_long_wait() {
        let hour = Duration::from_secs(3600);
        drop(Pacer::start(Instant::now(), std::iter::once(hour)));
    }
}
