//! Weights and vocabulary.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Mutex;

use llama_cpp_sys_2 as sys;
use wharf_infer::language::TokenId;

use super::{initialize, log};
use crate::LlamaError;

/// What a token is besides text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenKind {
    /// Whether it is none of text.
    pub(crate) is_control: bool,
    /// Whether it is one byte, for characters that have no token.
    pub(crate) is_byte: bool,
    /// Whether white space before it goes.
    pub(crate) trims_before: bool,
    /// Whether white space after it goes.
    pub(crate) trims_after: bool,
}

/// A model that is loaded.
pub(crate) struct Model {
    model: NonNull<sys::llama_model>,
    vocabulary: NonNull<sys::llama_vocab>,
    /// Held by whoever adds or takes away an adapter: llama.cpp notes them in the model.
    pub(super) adapters: Mutex<()>,
}

// SAFETY: llama.cpp does not change a model but for its list of adapters, which has its lock, and frees it from any
// thread.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Model {
    /// Loads a file; its weights stay in it and are mapped.
    pub(crate) fn load(file: &Path) -> Result<Self, LlamaError> {
        initialize();
        let path = c_path(file)?;
        log::clear_error();
        // SAFETY: the path ends with 0; llama.cpp catches its own exceptions.
        let model =
            unsafe { sys::llama_model_load_from_file(path.as_ptr(), sys::llama_model_default_params()) };
        let refused =
            || LlamaError::model(format!("llama.cpp does not load the model: {}", log::last_error()));
        let model = NonNull::new(model).ok_or_else(refused)?;
        // SAFETY: the model was just loaded, and its vocabulary lives as long.
        let vocabulary = unsafe { sys::llama_model_get_vocab(model.as_ptr()) };
        match NonNull::new(vocabulary.cast_mut()) {
            Some(vocabulary) => Ok(Self { model, vocabulary, adapters: Mutex::new(()) }),
            None => {
                // SAFETY: nobody else has it.
                unsafe { sys::llama_model_free(model.as_ptr()) };
                Err(LlamaError::model("the model has no vocabulary"))
            }
        }
    }

    pub(super) fn as_ptr(&self) -> *mut sys::llama_model {
        self.model.as_ptr()
    }

    fn vocab(&self) -> *const sys::llama_vocab {
        self.vocabulary.as_ptr()
    }

    /// Tokens in the vocabulary.
    pub(crate) fn vocabulary_size(&self) -> usize {
        // SAFETY: the vocabulary lives as long as the model.
        unsafe { sys::llama_vocab_n_tokens(self.vocab()) }.max(0) as usize
    }

    /// Whether texts are cut into tokens as SentencePiece does it.
    pub(crate) fn is_sentence_piece(&self) -> bool {
        // SAFETY: the vocabulary lives as long as the model.
        unsafe { sys::llama_vocab_type(self.vocab()) == sys::LLAMA_VOCAB_TYPE_SPM }
    }

    /// Tokens that the model was trained on at once.
    pub(crate) fn trained_context(&self) -> u32 {
        // SAFETY: the model is loaded.
        unsafe { sys::llama_model_n_ctx_train(self.as_ptr()) }.max(0) as u32
    }

    /// Numbers in an embedding.
    pub(crate) fn embedding_size(&self) -> usize {
        // SAFETY: the model is loaded.
        unsafe { sys::llama_model_n_embd_out(self.as_ptr()) }.max(0) as usize
    }

    /// Numbers that a model which ranks gives for a text.
    pub(crate) fn classes(&self) -> usize {
        // SAFETY: the model is loaded.
        unsafe { sys::llama_model_n_cls_out(self.as_ptr()) as usize }
    }

    /// Whether it keeps the state of a sequence that cannot be cut at any token.
    pub(crate) fn is_recurrent(&self) -> bool {
        // SAFETY: the model is loaded.
        unsafe { sys::llama_model_is_recurrent(self.as_ptr()) || sys::llama_model_is_hybrid(self.as_ptr()) }
    }

    /// A number by which saved states of this model are told from those of others.
    pub(crate) fn fingerprint(&self) -> u64 {
        // SAFETY: the model is loaded.
        let (size, weights, layers) = unsafe {
            let model = self.as_ptr();
            (sys::llama_model_size(model), sys::llama_model_n_params(model), sys::llama_model_n_layer(model))
        };
        let words = [size, weights, layers as u64, self.vocabulary_size() as u64];
        words.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
            (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23)
        })
    }

    /// The tokens of a text in which the names of control tokens are text.
    pub(crate) fn tokenize(&self, text: &str, with_special: bool) -> Vec<TokenId> {
        let Ok(length) = i32::try_from(text.len()) else { return Vec::new() };
        // One token for each byte at most, and what the vocabulary puts around them.
        let mut tokens = vec![0_i32; text.len() + 8];
        for _ in 0..2 {
            let room = tokens.len().min(i32::MAX as usize) as i32;
            // SAFETY: the lengths are those of the text and of the room for tokens.
            let count = unsafe {
                sys::llama_tokenize(
                    self.vocab(),
                    text.as_ptr().cast(),
                    length,
                    tokens.as_mut_ptr(),
                    room,
                    with_special,
                    false,
                )
            };
            match usize::try_from(count) {
                Ok(count) => {
                    tokens.truncate(count);
                    break;
                }
                // Where a negative count says how much room is needed.
                Err(_) => tokens = vec![0; count.unsigned_abs() as usize],
            }
        }
        tokens.into_iter().map(|token| token as TokenId).collect()
    }

    /// The bytes of a token; control tokens give their names where `with_special` says so, else nothing.
    pub(crate) fn piece(&self, token: TokenId, with_special: bool) -> Vec<u8> {
        let mut bytes = vec![0_u8; 32];
        for _ in 0..2 {
            // SAFETY: the length is that of the room, which is far below the largest `i32`.
            let count = unsafe {
                let (place, room) = (bytes.as_mut_ptr().cast(), bytes.len() as i32);
                sys::llama_token_to_piece(self.vocab(), token as i32, place, room, 0, with_special)
            };
            match usize::try_from(count) {
                Ok(count) => {
                    bytes.truncate(count);
                    return bytes;
                }
                Err(_) => bytes = vec![0; count.unsigned_abs() as usize],
            }
        }
        Vec::new()
    }

    /// What a token is besides text.
    pub(crate) fn kind(&self, token: TokenId) -> TokenKind {
        // SAFETY: the token is one of the vocabulary: callers count to its size.
        let bits = unsafe { sys::llama_vocab_get_attr(self.vocab(), token as i32) };
        let has = |bit: sys::llama_token_attr| bits & bit != 0;
        TokenKind {
            is_control: has(sys::LLAMA_TOKEN_ATTR_CONTROL) || has(sys::LLAMA_TOKEN_ATTR_UNKNOWN),
            is_byte: has(sys::LLAMA_TOKEN_ATTR_BYTE),
            trims_before: has(sys::LLAMA_TOKEN_ATTR_LSTRIP),
            trims_after: has(sys::LLAMA_TOKEN_ATTR_RSTRIP),
        }
    }

    /// Whether a token ends an answer.
    pub(crate) fn is_end(&self, token: TokenId) -> bool {
        // SAFETY: as above.
        unsafe { sys::llama_vocab_is_eog(self.vocab(), token as i32) }
    }

    /// The token that ends an answer by default.
    pub(crate) fn end(&self) -> Option<TokenId> {
        // SAFETY: the vocabulary lives as long as the model.
        let (eos, eot) = unsafe { (sys::llama_vocab_eos(self.vocab()), sys::llama_vocab_eot(self.vocab())) };
        [eos, eot].into_iter().find_map(|token| TokenId::try_from(token).ok())
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: contexts and adapters hold the model, so that none is left.
        unsafe { sys::llama_model_free(self.as_ptr()) };
    }
}

/// A path for C.
pub(super) fn c_path(file: &Path) -> Result<CString, LlamaError> {
    CString::new(file.as_os_str().as_bytes()).map_err(|_| LlamaError::model("the path has a zero byte"))
}
