//! The tokens of one pass, in arrays as C wants them.

use llama_cpp_sys_2 as sys;
use wharf_llm::BatchToken;

/// Arrays that are used again for every pass.
#[derive(Default)]
pub(super) struct Batch {
    tokens: Vec<sys::llama_token>,
    positions: Vec<sys::llama_pos>,
    sequences: Vec<sys::llama_seq_id>,
    counts: Vec<i32>,
    wanted: Vec<i8>,
    /// Pointers into `sequences`, made when the batch is taken.
    places: Vec<*mut sys::llama_seq_id>,
}

// SAFETY: the pointers lead into the batch's own heap memory and are made anew before each use.
unsafe impl Send for Batch {}

impl Batch {
    pub(super) fn clear(&mut self) {
        self.tokens.clear();
        self.positions.clear();
        self.sequences.clear();
        self.counts.clear();
        self.wanted.clear();
        self.places.clear();
    }

    pub(super) fn push(&mut self, token: &BatchToken) {
        self.tokens.push(token.token as i32);
        self.positions.push(token.position as i32);
        self.sequences.push(token.sequence as i32);
        self.counts.push(1);
        self.wanted.push(i8::from(token.wants_logits));
    }

    /// Whether the token at `index` wanted logits.
    pub(super) fn wants(&self, index: usize) -> bool {
        self.wanted.get(index).is_some_and(|wanted| *wanted != 0)
    }

    /// The batch as C sees it: of use until this one changes.
    pub(super) fn as_c(&mut self) -> sys::llama_batch {
        self.places.clear();
        self.places.extend(self.sequences.iter_mut().map(std::ptr::from_mut));
        sys::llama_batch {
            n_tokens: self.tokens.len() as i32,
            token: self.tokens.as_mut_ptr(),
            embd: std::ptr::null_mut(),
            pos: self.positions.as_mut_ptr(),
            n_seq_id: self.counts.as_mut_ptr(),
            seq_id: self.places.as_mut_ptr(),
            logits: self.wanted.as_mut_ptr(),
        }
    }
}
