//! How many requests may be under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;
use wharf_infer::{ErrorCode, ServiceError};

/// Counts requests in and out.
pub(crate) struct Admission {
    in_flight: AtomicUsize,
    limit: usize,
    is_draining: AtomicBool,
    emptied: Notify,
}

/// Leave to be under way; gives the place back when dropped.
pub(crate) struct AdmissionPermit(Arc<Admission>);

impl Admission {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicUsize::new(0),
            limit,
            is_draining: AtomicBool::new(false),
            emptied: Notify::new(),
        })
    }

    /// Lets one more request in.
    ///
    /// # Errors
    /// The server is stopping, or has as much to do as it may.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<AdmissionPermit, ServiceError> {
        let before = self.in_flight.fetch_add(1, Ordering::SeqCst);
        // The place is taken before the flag is read: either `drain` counts this request, or this request
        // sees the flag.
        let permit = AdmissionPermit(Arc::clone(self));
        if self.is_draining.load(Ordering::SeqCst) {
            return Err(draining());
        }
        if before >= self.limit {
            let message = format!("the server has {} requests under way, its limit", self.limit);
            return Err(ServiceError::new(ErrorCode::Overloaded, message));
        }
        Ok(permit)
    }

    /// Requests under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Lets nobody in from now on.
    pub(crate) fn close(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    /// Waits until nobody is under way.
    pub(crate) async fn empty(&self) {
        loop {
            let mut emptied = std::pin::pin!(self.emptied.notified());
            // Listens before it looks, so that the last one cannot leave in between.
            emptied.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        if self.0.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.is_draining.load(Ordering::SeqCst) {
            self.0.emptied.notify_waiters();
        }
    }
}

/// What requests are told while the server stops.
pub(crate) fn draining() -> ServiceError {
    ServiceError::new(ErrorCode::Unavailable, "the server is shutting down")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let admission = Admission::new(2);
        let (first, _second) = (admission.admit().unwrap(), admission.admit().unwrap());
        assert_eq!(admission.admit().err().unwrap().code(), ErrorCode::Overloaded);
        assert_eq!(admission.in_flight(), 2);
        drop(first);
        assert!(admission.admit().is_ok());
    }

    #[tokio::test]
    async fn draining_refuses_and_ends_when_the_last_one_leaves() {
        let admission = Admission::new(9);
        let permit = admission.admit().unwrap();
        admission.close();
        assert_eq!(admission.admit().err().unwrap().code(), ErrorCode::Unavailable);
        let waiter = admission.empty();
        tokio::pin!(waiter);
        tokio::select! {
            biased;
            () = &mut waiter => panic!("one is under way"),
            () = std::future::ready(()) => {}
        }
        drop(permit);
        waiter.await;
        admission.empty().await;
    }
}
