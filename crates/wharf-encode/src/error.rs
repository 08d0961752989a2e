//! What can be wrong with a tokenizer or a text.

use std::error::Error;
use std::fmt;

/// A `tokenizer.json` that is no good, or a text that it can make nothing of. The message says which.
#[derive(Debug)]
pub struct EncodeError(String);

impl EncodeError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for EncodeError {}
