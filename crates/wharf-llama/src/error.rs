//! What can go wrong while a model is opened.

use std::fmt;

/// Why a model was not opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LlamaError {
    kind: LlamaErrorKind,
    message: String,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LlamaErrorKind {
    /// The configuration asks for what cannot be.
    Config,
    /// llama.cpp does not take the file.
    Model,
    /// There was not enough memory.
    Memory,
}

impl LlamaError {
    /// Whose fault it is.
    pub fn kind(&self) -> LlamaErrorKind {
        self.kind
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self { kind: LlamaErrorKind::Config, message: message.into() }
    }

    pub(crate) fn model(message: impl Into<String>) -> Self {
        Self { kind: LlamaErrorKind::Model, message: message.into() }
    }

    pub(crate) fn memory(message: impl Into<String>) -> Self {
        Self { kind: LlamaErrorKind::Memory, message: message.into() }
    }
}

impl fmt::Display for LlamaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LlamaError {}
