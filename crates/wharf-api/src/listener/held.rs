//! How much memory the bodies of requests take that are under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wharf_infer::{ErrorCode, ServiceError};
use wharf_metrics::{Family, Kind, Sample};

/// What all requests hold together, and may.
#[derive(Debug)]
pub(crate) struct Holdings {
    bytes: AtomicUsize,
    limit: usize,
}

/// What one request holds; nothing any more when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    all: Arc<Holdings>,
    bytes: AtomicUsize,
    /// Messages of a stream are let go of one by one: what it was sent in all says nothing.
    is_stream: bool,
}

impl Holdings {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { bytes: AtomicUsize::new(0), limit })
    }

    /// A request that holds nothing yet.
    pub(super) fn enter(self: &Arc<Self>, is_stream: bool) -> Arc<Held> {
        Arc::new(Held { all: Arc::clone(self), bytes: AtomicUsize::new(0), is_stream })
    }

    /// A collector of what is held.
    pub(crate) fn collector(self: &Arc<Self>) -> impl Fn(&mut Vec<Family>) + Send + Sync + use<> {
        let all = Arc::clone(self);
        move |families| {
            let help = "Bytes of request bodies under way.";
            let mut family = Family::new("wharf_request_bytes_held", Kind::Gauge).with_help(help);
            family.push(Sample::number(all.bytes.load(Ordering::Relaxed) as f64));
            families.push(family);
        }
    }
}

impl Held {
    /// Holds so many bytes more.
    ///
    /// # Errors
    /// All requests together would hold more than they may.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), ServiceError> {
        if self.is_stream {
            return Ok(());
        }
        // Counted before the look, as two may come at once.
        let before = self.all.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.all.limit { Ok(()) } else { Err(self.refusal()) }
    }

    /// Whether a body of this length would find room, before any of it has come.
    ///
    /// # Errors
    /// It would not.
    pub(super) fn check(&self, length: u64) -> Result<(), ServiceError> {
        let room = self.all.limit.saturating_sub(self.all.bytes.load(Ordering::Relaxed));
        match self.is_stream || usize::try_from(length).is_ok_and(|length| length <= room) {
            true => Ok(()),
            false => Err(self.refusal()),
        }
    }

    fn refusal(&self) -> ServiceError {
        let text = format!("requests under way take as much memory as they may, {} bytes", self.all.limit);
        ServiceError::new(ErrorCode::Overloaded, text)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.bytes.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_together_and_given_back() {
        let all = Holdings::new(10);
        let (first, second) = (all.enter(false), all.enter(false));
        first.take(6).unwrap();
        assert!(second.check(4).is_ok() && second.check(5).is_err());
        assert_eq!(second.take(5).unwrap_err().code(), ErrorCode::Overloaded);
        drop(second);
        assert!(first.take(4).is_ok() && first.take(1).is_err());
        drop(first);
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
        assert!(all.enter(true).take(100).is_ok(), "streams are not counted");
    }
}
