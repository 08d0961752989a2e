//! llama.cpp's C functions as types that own what they point to. All unsafe code of this crate is here.
#![expect(unsafe_code, reason = "llama.cpp has C functions")]

mod adapter;
mod batch;
mod context;
mod log;
mod model;

use std::ffi::CStr;
use std::sync::Once;

pub(crate) use adapter::Adapter;
pub(crate) use context::{Context, ContextUse, Fault};
pub(crate) use model::{Model, TokenKind};

pub use context::AbortHandle;

/// Sets llama.cpp up, once in a process.
fn initialize() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::send_to_tracing();
        // SAFETY: called once, before anything else of llama.cpp.
        unsafe { llama_cpp_sys_2::llama_backend_init() };
    });
}

/// What of the processor llama.cpp was compiled for (`CPU : AVX2 = 1 | AVX512 = 1 | ...`).
pub fn system_information() -> String {
    initialize();
    // SAFETY: gives a text that ends with 0 and stays as it is.
    let text = unsafe { CStr::from_ptr(llama_cpp_sys_2::llama_print_system_info()) };
    text.to_string_lossy().trim().trim_end_matches('|').trim().to_owned()
}
