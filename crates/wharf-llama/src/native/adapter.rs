//! LoRA adapters.

use std::path::Path;
use std::ptr::NonNull;
use std::sync::{Arc, PoisonError};

use llama_cpp_sys_2 as sys;

use super::model::c_path;
use super::{Model, log};
use crate::LlamaError;

/// An adapter of a model; its memory goes with it.
pub(crate) struct Adapter {
    adapter: NonNull<sys::llama_adapter_lora>,
    model: Arc<Model>,
}

// SAFETY: llama.cpp does not change an adapter once it is loaded, and frees it from any thread.
unsafe impl Send for Adapter {}

impl Adapter {
    /// Loads an adapter from a file.
    pub(crate) fn load(model: &Arc<Model>, file: &Path) -> Result<Self, LlamaError> {
        let path = c_path(file)?;
        log::clear_error();
        let _held = model.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the path ends with 0, and the lock keeps others from the model's list of adapters.
        let adapter = unsafe { sys::llama_adapter_lora_init(model.as_ptr(), path.as_ptr()) };
        let refused =
            || LlamaError::model(format!("llama.cpp does not load the adapter: {}", log::last_error()));
        Ok(Self { adapter: NonNull::new(adapter).ok_or_else(refused)?, model: Arc::clone(model) })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_adapter_lora {
        self.adapter.as_ptr()
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        let _held = self.model.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: a context that used it was told to use another before ([`super::Context::use_adapter`] lends it).
        unsafe { sys::llama_adapter_lora_free(self.as_ptr()) };
    }
}
