//! How many requests may be under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;
use wharf_infer::{ErrorCode, ServiceError};

/// Counts requests in and out.
pub(crate) struct Admission {
    in_flight: AtomicUsize,
    /// Parts of requests that are under way themselves.
    steps: AtomicUsize,
    limit: usize,
    is_draining: AtomicBool,
    emptied: Notify,
}

/// Leave to be under way; gives the place back when dropped.
pub(crate) struct AdmissionPermit {
    admission: Arc<Admission>,
    is_step: bool,
}

impl Admission {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self {
            in_flight: AtomicUsize::new(0),
            steps: AtomicUsize::new(0),
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
        let permit = AdmissionPermit { admission: Arc::clone(self), is_step: false };
        if self.is_draining.load(Ordering::SeqCst) {
            return Err(draining());
        }
        if before >= self.limit {
            let message = format!("the server has {} requests under way, its limit", self.limit);
            return Err(ServiceError::new(ErrorCode::Overloaded, message));
        }
        Ok(permit)
    }

    /// Lets in a part of a request that is under way: one that was let in is finished, also when the server stops. It
    /// takes no place of its own, and a server that drains waits for it.
    pub(crate) fn admit_step(self: &Arc<Self>) -> AdmissionPermit {
        self.steps.fetch_add(1, Ordering::SeqCst);
        AdmissionPermit { admission: Arc::clone(self), is_step: true }
    }

    fn is_empty(&self) -> bool {
        self.in_flight() == 0 && self.steps.load(Ordering::SeqCst) == 0
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
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for AdmissionPermit {
    fn drop(&mut self) {
        let admission = &self.admission;
        let count = if self.is_step { &admission.steps } else { &admission.in_flight };
        if count.fetch_sub(1, Ordering::SeqCst) == 1 && admission.is_draining.load(Ordering::SeqCst) {
            admission.emptied.notify_waiters();
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

    #[test]
    fn steps_take_no_place_and_are_let_in_to_the_end() {
        let admission = Admission::new(1);
        let permit = admission.admit().unwrap();
        let step = admission.admit_step();
        admission.close();
        let _late = admission.admit_step();
        assert_eq!(admission.in_flight(), 1);
        drop((permit, step));
        assert!(!admission.is_empty(), "a step is under way");
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
