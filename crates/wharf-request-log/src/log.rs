//! The log as the request path sees it, and the thread behind it.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use wharf_metrics::{Counter, Family, Kind, Sample};

use crate::file::RotatedFile;
use crate::sample::Sampler;
use crate::{Format, Record, RequestLogConfig, RequestLogError};

/// Takes requests that have been answered and has them written. Clones are the same log; the default one takes none.
#[derive(Clone, Default)]
pub struct RequestLog(Option<Arc<Inner>>);

struct Inner {
    sampler: Sampler,
    /// Empty once the log has shut down.
    queue: Mutex<Option<SyncSender<Record>>>,
    /// Closed when the thread ends.
    ended: Mutex<Receiver<()>>,
    max_waiting_bytes: usize,
    shared: Arc<Shared>,
}

/// What both sides of the queue count.
#[derive(Default)]
struct Shared {
    waiting_bytes: AtomicUsize,
    written: Counter,
    /// No room in the queue.
    queue_full: Counter,
    /// The file could not be written.
    failed: Counter,
}

impl RequestLog {
    /// Opens the file and starts the thread that writes it.
    ///
    /// # Errors
    /// The sample is no share, the file cannot be opened, or the thread not be started.
    pub fn start(config: RequestLogConfig) -> Result<Self, RequestLogError> {
        config.check()?;
        let file = RotatedFile::open(&config.path, config.max_file_bytes, config.kept_files);
        let file = file.map_err(|error| {
            RequestLogError::new(format!("request log `{}` cannot be opened", config.path.display()), error)
        })?;
        let (queue, waiting) = sync_channel(config.max_waiting);
        let (ends, ended) = sync_channel::<()>(0);
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("wharf-request-log".to_owned());
        let started = thread.spawn(move || {
            write_all((file, config.format), &waiting, &of_thread);
            drop(ends);
        });
        let failed = |error| {
            RequestLogError::new("the thread that writes requests cannot be started".to_owned(), error)
        };
        started.map_err(failed)?;
        Ok(Self(Some(Arc::new(Inner {
            sampler: Sampler::new(config.sample),
            queue: Mutex::new(Some(queue)),
            ended: Mutex::new(ended),
            max_waiting_bytes: config.max_waiting_bytes,
            shared,
        }))))
    }

    /// Whether the request that begins now is to be written: asked once for each.
    pub fn wants(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.sampler.takes())
    }

    /// Has a request written. Does not wait: where there is no room it is dropped and counted.
    pub fn record(&self, record: Record) {
        let Some(inner) = &self.0 else { return };
        let (shared, size) = (&inner.shared, record.size_bytes());
        let before = shared.waiting_bytes.fetch_add(size, Ordering::Relaxed);
        // Held for the time of a push, never while something is written.
        let queue = inner.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = before.saturating_add(size) <= inner.max_waiting_bytes;
        let is_queued = has_room && queue.as_ref().is_some_and(|queue| queue.try_send(record).is_ok());
        if !is_queued {
            shared.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
            shared.queue_full.increment();
        }
    }

    /// Writes what waits, for `patience` at most, and ends the thread; says whether all was written in time.
    pub fn shutdown(&self, patience: Duration) -> bool {
        let Some(inner) = &self.0 else { return true };
        inner.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let ended = inner.ended.lock().unwrap_or_else(PoisonError::into_inner);
        matches!(ended.recv_timeout(patience), Err(RecvTimeoutError::Disconnected))
    }

    /// A collector of what became of the requests that were wanted.
    pub fn collector(&self) -> impl Fn(&mut Vec<Family>) + Send + Sync + use<> {
        let shared = self.0.as_ref().map(|inner| Arc::clone(&inner.shared));
        move |families| {
            let Some(shared) = &shared else { return };
            let help = "Requests for the request log by what became of them.";
            let mut family = Family::new("wharf_request_log_total", Kind::Counter).with_help(help);
            for (outcome, count) in
                [("written", &shared.written), ("queue_full", &shared.queue_full), ("failed", &shared.failed)]
            {
                family.push(Sample::number(count.get() as f64).with_label("outcome", outcome));
            }
            families.push(family);
        }
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RequestLog").field(&self.0.as_ref().map(|inner| &inner.sampler)).finish()
    }
}

fn write_all((mut file, format): (RotatedFile, Format), waiting: &Receiver<Record>, shared: &Shared) {
    let mut has_failed = false;
    for record in waiting {
        let written = file.write(&record.to_line(format));
        shared.waiting_bytes.fetch_sub(record.size_bytes(), Ordering::Relaxed);
        match written {
            Ok(()) => shared.written.increment(),
            Err(error) => {
                shared.failed.increment();
                // A full disk is said once, not once for each request.
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::error!(%error, "the request log cannot be written");
                }
                continue;
            }
        }
        has_failed = false;
    }
}
