//! Forward passes and the key-value cache.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use llama_cpp_sys_2 as sys;
use wharf_llm::{BatchToken, SequenceId};

use super::batch::Batch;
use super::{Adapter, Model, log};
use crate::{CacheType, LlamaConfig, LlamaError};

/// What a context is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContextUse {
    /// Logits of the next token.
    Text,
    /// One vector for each sequence, pooled as the model says, or the mean of its tokens where it says nothing.
    Embeddings,
}

/// Why a pass gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    NoRoom,
    Aborted,
    /// With the number that llama.cpp gives.
    Failed(i32),
}

/// Ends a pass from any thread.
#[derive(Clone, Debug, Default)]
pub struct AbortHandle(Arc<AtomicBool>);

impl AbortHandle {
    /// Ends the pass that runs, or else the next one.
    pub fn abort(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A context of a model. One thread at a time uses it.
pub(crate) struct Context {
    context: NonNull<sys::llama_context>,
    batch: Batch,
    abort: AbortHandle,
    model: Arc<Model>,
}

// SAFETY: llama.cpp does not bind a context to a thread.
unsafe impl Send for Context {}

impl Context {
    /// Makes a context with its cache and its threads.
    pub(crate) fn new(
        model: &Arc<Model>,
        config: &LlamaConfig,
        purpose: ContextUse,
    ) -> Result<Self, LlamaError> {
        config.check()?;
        let abort = AbortHandle::default();
        let mut params = params(model, config, purpose, &abort);
        let mut context = create(model, params)?;
        // SAFETY: the context is there.
        let pools = unsafe { sys::llama_pooling_type(context.as_ptr()) } != sys::LLAMA_POOLING_TYPE_NONE;
        if purpose == ContextUse::Embeddings && !pools {
            // SAFETY: nobody else has it.
            unsafe { sys::llama_free(context.as_ptr()) };
            params.pooling_type = sys::LLAMA_POOLING_TYPE_MEAN;
            context = create(model, params)?;
        }
        let (batch, model) = (Batch::default(), Arc::clone(model));
        Ok(Self { context, batch, abort, model })
    }

    fn as_ptr(&self) -> *mut sys::llama_context {
        self.context.as_ptr()
    }

    fn memory(&self) -> sys::llama_memory_t {
        // SAFETY: the context is there; an encoder has no memory, which the functions below take as null.
        unsafe { sys::llama_get_memory(self.as_ptr()) }
    }

    /// The weights.
    pub(crate) fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What ends its passes.
    pub(crate) fn abort_handle(&self) -> AbortHandle {
        self.abort.clone()
    }

    /// Tokens that all sequences together may keep.
    pub(crate) fn cells(&self) -> u32 {
        // SAFETY: the context is there.
        unsafe { sys::llama_n_ctx(self.as_ptr()) }
    }

    /// Tokens of one pass.
    pub(crate) fn batch_size(&self) -> u32 {
        // SAFETY: the context is there.
        unsafe { sys::llama_n_batch(self.as_ptr()) }
    }

    /// One pass. Sequences and positions are the caller's to check.
    pub(crate) fn decode(&mut self, tokens: &[BatchToken]) -> Result<(), Fault> {
        self.batch.clear();
        tokens.iter().for_each(|token| self.batch.push(token));
        let batch = self.batch.as_c();
        // SAFETY: the arrays of the batch live until the next one, and have the lengths that it says.
        let result = unsafe { sys::llama_decode(self.as_ptr(), batch) };
        match result {
            0 => return Ok(()),
            1 => Err(Fault::NoRoom),
            2 => {
                self.abort.0.store(false, Ordering::Relaxed);
                Err(Fault::Aborted)
            }
            code => Err(Fault::Failed(code)),
        }
        .inspect_err(|_| self.batch.clear())
    }

    /// The logits of a token of the last batch; empty where it wanted none.
    pub(crate) fn logits(&self, index: usize) -> &[f32] {
        if !self.batch.wants(index) {
            return &[];
        }
        // SAFETY: the token wanted logits, and the row has a number for each token of the vocabulary.
        unsafe {
            let row = sys::llama_get_logits_ith(self.as_ptr(), index as i32);
            row_of(row, self.model.vocabulary_size())
        }
    }

    /// The vector of a sequence of the last batch; empty where there is none.
    pub(crate) fn pooled(&self, sequence: SequenceId) -> &[f32] {
        // SAFETY: llama.cpp gives a row of the length that goes with the kind of pooling, or null.
        unsafe {
            let ranks = sys::llama_pooling_type(self.as_ptr()) == sys::LLAMA_POOLING_TYPE_RANK;
            let length = if ranks { self.model.classes() } else { self.model.embedding_size() };
            row_of(sys::llama_get_embeddings_seq(self.as_ptr(), sequence as i32), length)
        }
    }

    /// Lets `to` have the first `end` tokens of `from` as well.
    pub(crate) fn share(&mut self, from: SequenceId, to: SequenceId, end: u32) {
        // SAFETY: the sequences are below the number that the context has.
        unsafe { sys::llama_memory_seq_cp(self.memory(), from as i32, to as i32, 0, end as i32) };
    }

    /// Forgets the tokens of a sequence from `position` on; false if this model cannot.
    pub(crate) fn truncate(&mut self, sequence: SequenceId, position: u32) -> bool {
        // SAFETY: as above.
        unsafe { sys::llama_memory_seq_rm(self.memory(), sequence as i32, position as i32, -1) }
    }

    /// The state of a sequence.
    pub(crate) fn save(&self, sequence: SequenceId) -> Vec<u8> {
        // SAFETY: llama.cpp writes as many bytes as it said it would, or fewer.
        unsafe {
            let size = sys::llama_state_seq_get_size(self.as_ptr(), sequence as i32);
            let mut state = vec![0; size];
            let written =
                sys::llama_state_seq_get_data(self.as_ptr(), state.as_mut_ptr(), size, sequence as i32);
            state.truncate(written);
            state
        }
    }

    /// Puts a state into a sequence; false if llama.cpp does not take it.
    pub(crate) fn restore(&mut self, sequence: SequenceId, state: &[u8]) -> bool {
        // SAFETY: llama.cpp reads no further than the length that it is given.
        let read = unsafe {
            sys::llama_state_seq_set_data(self.as_ptr(), state.as_ptr(), state.len(), sequence as i32)
        };
        read != 0
    }

    /// The adapters of all passes from now on; they must stay until others are set.
    pub(crate) fn use_adapter(&mut self, adapter: Option<&Adapter>) -> bool {
        let mut adapters: Vec<_> = adapter.into_iter().map(Adapter::as_ptr).collect();
        let mut scales = vec![1.0_f32; adapters.len()];
        // SAFETY: both arrays have the length that is given, and llama.cpp copies them.
        let result = unsafe {
            let count = adapters.len();
            sys::llama_set_adapters_lora(self.as_ptr(), adapters.as_mut_ptr(), count, scales.as_mut_ptr())
        };
        result == 0
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: nobody else has it; the model is dropped after this.
        unsafe { sys::llama_free(self.as_ptr()) };
    }
}

fn create(
    model: &Model,
    params: sys::llama_context_params,
) -> Result<NonNull<sys::llama_context>, LlamaError> {
    log::clear_error();
    // SAFETY: the model is loaded; the flag behind the callback lives as long as the context, which [`Context`] sees to.
    let context = unsafe { sys::llama_init_from_model(model.as_ptr(), params) };
    let refused = || LlamaError::memory(format!("llama.cpp makes no context: {}", log::last_error()));
    NonNull::new(context).ok_or_else(refused)
}

/// # Safety
/// `row` is null or leads to `length` numbers that stay as they are for `'a`.
unsafe fn row_of<'a>(row: *const f32, length: usize) -> &'a [f32] {
    if row.is_null() {
        return &[];
    }
    // SAFETY: as this function asks.
    unsafe { std::slice::from_raw_parts(row, length) }
}

fn params(
    model: &Model,
    config: &LlamaConfig,
    purpose: ContextUse,
    abort: &AbortHandle,
) -> sys::llama_context_params {
    // SAFETY: gives a value.
    let mut params = unsafe { sys::llama_context_default_params() };
    params.n_ctx = if config.cells == 0 { model.trained_context() } else { config.cells };
    // A pass is never cut in two: what fails leaves nothing behind.
    (params.n_batch, params.n_ubatch) = (config.batch, config.batch);
    params.n_seq_max = config.sequences;
    (params.n_threads, params.n_threads_batch) = (config.threads as i32, config.batch_threads as i32);
    params.flash_attn_type = match config.flash_attention {
        None => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
        Some(true) => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
        Some(false) => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
    };
    (params.type_k, params.type_v) = (type_of(config.key_type), type_of(config.value_type));
    params.no_perf = true;
    // Sequences that share a prefix share its cells.
    params.kv_unified = true;
    params.embeddings = purpose == ContextUse::Embeddings;
    params.abort_callback = Some(is_aborted);
    params.abort_callback_data = Arc::as_ptr(&abort.0).cast_mut().cast();
    params
}

unsafe extern "C" fn is_aborted(flag: *mut c_void) -> bool {
    // SAFETY: the flag that [`params`] gave, which the context's owner keeps.
    unsafe { &*flag.cast::<AtomicBool>() }.load(Ordering::Relaxed)
}

fn type_of(kind: CacheType) -> sys::ggml_type {
    match kind {
        CacheType::F32 => sys::GGML_TYPE_F32,
        CacheType::F16 => sys::GGML_TYPE_F16,
        CacheType::Bf16 => sys::GGML_TYPE_BF16,
        CacheType::Q8_0 => sys::GGML_TYPE_Q8_0,
        CacheType::Q4_0 => sys::GGML_TYPE_Q4_0,
    }
}
