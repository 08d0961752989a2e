//! The allocator, and how memory that is free again goes back to the system.
#![expect(unsafe_code, reason = "the allocator's own function is one of C; it is called here alone")]

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The system's allocator gives the pages of a large block back to the kernel with every request and has them
/// cleared again for the next: 100 page faults for a picture of 600 KB, half of the server's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long a thread keeps what it has freed at least: the next request likely wants it.
const KEPT: Duration = Duration::from_secs(1);

thread_local! {
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Gives back what the calling thread has freed, unless it did so within the last second.
///
/// The allocator does so by itself only while a thread goes on to allocate: what a thread has freed before it went to
/// sleep stayed with it for as long as it slept.
pub(crate) fn give_back() {
    let is_due = LAST.get().is_none_or(|last| last.elapsed() >= KEPT);
    if is_due {
        // SAFETY: it may be called at any time, and looks after the calling thread's blocks that are free.
        unsafe { libmimalloc_sys::mi_collect(true) };
        LAST.set(Some(Instant::now()));
    }
}
