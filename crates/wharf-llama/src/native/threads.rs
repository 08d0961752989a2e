//! The threads that compute, kept from one pass to the next.

use std::ptr::NonNull;

use llama_cpp_sys_2 as sys;

use crate::LlamaError;

/// A pool of threads, which sleep between passes.
pub(super) struct Threads(NonNull<sys::ggml_threadpool>);

// SAFETY: a pool may be used from any one thread at a time, and so is the context that has it.
unsafe impl Send for Threads {}

impl Threads {
    /// So many threads, the caller's included.
    pub(super) fn new(count: u32) -> Result<Self, LlamaError> {
        // SAFETY: the parameters are made and changed by value; the pool copies them.
        let pool = unsafe {
            let mut params = sys::ggml_threadpool_params_default(count as i32);
            // Threads that wait by spinning take a core from whoever has work: another model, or the server.
            params.poll = 0;
            sys::ggml_threadpool_new(&mut params)
        };
        let pool = NonNull::new(pool).ok_or_else(|| LlamaError::memory(format!("no {count} threads")))?;
        Ok(Self(pool))
    }

    pub(super) fn as_ptr(&self) -> *mut sys::ggml_threadpool {
        self.0.as_ptr()
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        // SAFETY: the context that used it is gone.
        unsafe { sys::ggml_threadpool_free(self.as_ptr()) };
    }
}
