//! Asks the runtime's library for its version.
#![expect(unsafe_code, reason = "the safe wrapper checks the version but does not tell it")]

use std::ffi::CStr;
use std::path::Path;

use ort::sys::OrtApiBase;

/// The version of the library at `path`, which has been loaded; the error is the problem in words.
pub(super) fn of_library(path: &Path) -> Result<String, String> {
    // SAFETY: the wrapper has loaded the library already, so that none of its initialisers runs now.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
    // SAFETY: this is the signature of the function in `onnxruntime_c_api.h`, the same in every version.
    let base = unsafe { library.get::<unsafe extern "C" fn() -> *const OrtApiBase>(b"OrtGetApiBase\0") };
    let base = base.map_err(|error| error.to_string())?;
    // SAFETY: it takes nothing and gives a pointer to a static, or null.
    let Some(base) = (unsafe { base().as_ref() }) else { return Err("it has no interface".to_owned()) };
    // SAFETY: it takes nothing and gives a static string that ends with a NUL.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    Ok(version.to_string_lossy().into_owned())
}
