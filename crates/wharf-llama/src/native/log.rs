//! llama.cpp's log, line by line.

use std::ffi::{CStr, c_char, c_void};
use std::sync::{Mutex, MutexGuard, PoisonError};

use llama_cpp_sys_2 as sys;

/// What has been said of the line that is being written, and the last error.
struct Lines {
    level: sys::ggml_log_level,
    line: String,
    error: String,
}

static LINES: Mutex<Lines> =
    Mutex::new(Lines { level: sys::GGML_LOG_LEVEL_NONE, line: String::new(), error: String::new() });

/// From now on the log goes to `tracing`.
pub(super) fn send_to_tracing() {
    // SAFETY: the function may be called from any thread at any time, and needs no data.
    unsafe { sys::llama_log_set(Some(take), std::ptr::null_mut()) };
}

/// Forgets errors so far.
pub(super) fn clear_error() {
    lines().error.clear();
}

/// The last error since [`clear_error`]; another thread's where several load at once.
pub(super) fn last_error() -> String {
    lines().error.clone()
}

unsafe extern "C" fn take(level: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    if text.is_null() {
        return;
    }
    // SAFETY: llama.cpp gives a text that ends with 0 and lives for this call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let mut lines = lines();
    if level != sys::GGML_LOG_LEVEL_CONT {
        lines.level = level;
    }
    for piece in text.split_inclusive('\n') {
        lines.line.push_str(piece.trim_end_matches('\n'));
        if piece.ends_with('\n') {
            let line = std::mem::take(&mut lines.line);
            tell(lines.level, &line);
            if lines.level == sys::GGML_LOG_LEVEL_ERROR {
                lines.error = line;
            }
        }
    }
}

/// What llama.cpp calls information is of interest to those who work on it.
fn tell(level: sys::ggml_log_level, line: &str) {
    let line = line.trim();
    match level {
        _ if line.is_empty() => {}
        sys::GGML_LOG_LEVEL_ERROR => tracing::error!(target: "llama", "{line}"),
        sys::GGML_LOG_LEVEL_WARN => tracing::warn!(target: "llama", "{line}"),
        sys::GGML_LOG_LEVEL_INFO => tracing::debug!(target: "llama", "{line}"),
        _ => tracing::trace!(target: "llama", "{line}"),
    }
}

fn lines() -> MutexGuard<'static, Lines> {
    LINES.lock().unwrap_or_else(PoisonError::into_inner)
}
