//! Places for sequences that may be under way at once, and the line for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wharf_infer::{ErrorCode, ServiceError};

/// A number of places; who comes first has the next that is free.
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

impl Slots {
    /// So many places.
    pub(super) fn new(places: usize) -> Self {
        // More than there can be is no limit.
        let free = Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        Self { free, waiting: AtomicUsize::new(0) }
    }

    /// A place, once there is one. At most `most` wait.
    ///
    /// # Errors
    /// So many wait already.
    pub(crate) async fn take(&self, most: usize) -> Result<OwnedSemaphorePermit, ServiceError> {
        let full = || {
            let text = "too many sequences wait for another to end";
            ServiceError::new(ErrorCode::Overloaded, text)
        };
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(place);
        }
        let _waits = Waits::enter(&self.waiting, most).ok_or_else(full)?;
        // Nobody closes it.
        Arc::clone(&self.free).acquire_owned().await.map_err(|_| full())
    }
}

/// One that waits; no longer when dropped.
struct Waits<'a>(&'a AtomicUsize);

impl<'a> Waits<'a> {
    fn enter(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let waits = Self(waiting);
        (waiting.fetch_add(1, Ordering::SeqCst) < most).then_some(waits)
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn the_line_for_places_is_bounded_and_who_leaves_it_makes_room() {
        let slots = Slots::new(1);
        let first = slots.take(1).await.unwrap();
        let waits = slots.take(1);
        tokio::pin!(waits);
        assert!(timeout(Duration::ZERO, &mut waits).await.is_err());
        assert_eq!(slots.take(1).await.unwrap_err().code(), ErrorCode::Overloaded);
        drop(first);
        let second = waits.await.unwrap();
        assert!(timeout(Duration::ZERO, slots.take(1)).await.is_err());
        assert_eq!(slots.waiting.load(Ordering::SeqCst), 0);
        drop(second);
        assert!(slots.take(0).await.is_ok());
    }
}
