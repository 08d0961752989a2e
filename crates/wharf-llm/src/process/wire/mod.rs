//! What the frames say, as messages of protobuf. Both ends are the same program, so that numbers of fields may change.

mod card;
mod event;
mod load;
mod request;

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wharf_infer::{ErrorCode, ServiceError};

pub(super) use card::CardMessage;
pub(super) use event::EventMessage;
pub(super) use load::LoadMessage;
pub(super) use request::{EmbedMessage, GenerateMessage, PartMessage};

use super::frame::malformed;
use super::{LlmOptions, OpenRequest};
use crate::TurnFiles;

/// From the server to the worker.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Order {
    /// Which request it is of.
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(oneof = "Ask", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub(super) ask: Option<Ask>,
}

/// What the server asks.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Ask {
    #[prost(message, tag = "2")]
    Open(OpenMessage),
    #[prost(message, tag = "3")]
    Generate(GenerateMessage),
    #[prost(bool, tag = "4")]
    Cancel(bool),
    #[prost(message, tag = "5")]
    Tokenize(TokenizeMessage),
    #[prost(message, tag = "6")]
    Detokenize(DetokenizeMessage),
    #[prost(message, tag = "7")]
    Embed(EmbedMessage),
    #[prost(message, tag = "8")]
    LoadAdapter(AdapterMessage),
    #[prost(message, tag = "9")]
    UnloadAdapter(AdapterMessage),
}

/// From the worker to the server.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Report {
    /// Which request it is of.
    #[prost(uint64, tag = "1")]
    pub(super) id: u64,
    #[prost(oneof = "Tell", tags = "2, 3, 4, 5, 6, 7, 8, 9")]
    pub(super) tell: Option<Tell>,
}

/// What the worker tells.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Tell {
    #[prost(message, tag = "2")]
    Opened(CardMessage),
    #[prost(message, tag = "3")]
    Event(EventMessage),
    #[prost(message, tag = "4")]
    Tokens(TokensMessage),
    #[prost(message, tag = "5")]
    Pieces(PiecesMessage),
    #[prost(message, tag = "6")]
    Embeddings(EmbeddingsMessage),
    #[prost(bool, tag = "7")]
    Done(bool),
    #[prost(message, tag = "8")]
    Failed(ErrorMessage),
    #[prost(message, tag = "9")]
    Load(LoadMessage),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct OpenMessage {
    #[prost(bytes = "vec", tag = "1")]
    file: Vec<u8>,
    #[prost(uint32, tag = "2")]
    context: u32,
    #[prost(uint32, tag = "3")]
    cells: u32,
    #[prost(uint32, tag = "4")]
    sequences: u32,
    #[prost(uint32, tag = "5")]
    threads: u32,
    #[prost(uint32, tag = "6")]
    batch: u32,
    #[prost(bytes = "vec", optional, tag = "7")]
    draft: Option<Vec<u8>>,
    #[prost(string, optional, tag = "8")]
    cache_type: Option<String>,
    #[prost(bool, optional, tag = "9")]
    flash_attention: Option<bool>,
    #[prost(message, repeated, tag = "10")]
    adapters: Vec<AdapterMessage>,
    #[prost(message, optional, tag = "11")]
    turns: Option<TurnsMessage>,
    #[prost(bool, tag = "12")]
    slow_build: bool,
    #[prost(uint32, optional, tag = "13")]
    guesses: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "14")]
    prefixes: Option<Vec<u8>>,
    #[prost(uint64, tag = "15")]
    prefix_bytes: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TurnsMessage {
    #[prost(bytes = "vec", tag = "1")]
    next: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    running: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TokenizeMessage {
    #[prost(message, repeated, tag = "1")]
    pub(super) parts: Vec<PartMessage>,
    #[prost(bool, tag = "2")]
    pub(super) with_special: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct DetokenizeMessage {
    #[prost(uint32, repeated, tag = "1")]
    pub(super) tokens: Vec<u32>,
    #[prost(bool, tag = "2")]
    pub(super) with_special: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AdapterMessage {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) file: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct TokensMessage {
    #[prost(uint32, repeated, tag = "1")]
    pub(super) tokens: Vec<u32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PiecesMessage {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) pieces: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EmbeddingsMessage {
    /// All vectors, one after the other.
    #[prost(float, repeated, tag = "1")]
    pub(super) numbers: Vec<f32>,
    #[prost(uint32, tag = "2")]
    pub(super) count: u32,
    #[prost(uint32, tag = "3")]
    pub(super) prompt_tokens: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ErrorMessage {
    #[prost(uint32, tag = "1")]
    code: u32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(string, optional, tag = "3")]
    detail: Option<String>,
    #[prost(uint64, optional, tag = "4")]
    retry_after_ms: Option<u64>,
}

impl From<&OpenRequest> for OpenMessage {
    fn from(OpenRequest { file, options, adapters, turns }: &OpenRequest) -> Self {
        let adapter =
            |(name, file): (&String, &PathBuf)| AdapterMessage { name: name.clone(), file: path_bytes(file) };
        Self {
            file: path_bytes(file),
            context: options.context,
            cells: options.cells,
            sequences: options.sequences,
            threads: options.threads,
            batch: options.batch,
            draft: options.draft.as_deref().map(path_bytes),
            cache_type: options.cache_type.clone(),
            flash_attention: options.flash_attention,
            slow_build: options.slow_build,
            guesses: options.guesses,
            prefixes: options.prefixes.as_deref().map(path_bytes),
            prefix_bytes: options.prefix_bytes,
            adapters: adapters.iter().map(adapter).collect(),
            turns: turns.as_ref().map(|turns| TurnsMessage {
                next: path_bytes(&turns.next),
                running: path_bytes(&turns.running),
            }),
        }
    }
}

impl From<OpenMessage> for OpenRequest {
    fn from(message: OpenMessage) -> Self {
        let options = LlmOptions {
            context: message.context,
            cells: message.cells,
            sequences: message.sequences,
            threads: message.threads,
            batch: message.batch,
            draft: message.draft.map(path_of),
            cache_type: message.cache_type,
            flash_attention: message.flash_attention,
            slow_build: message.slow_build,
            guesses: message.guesses,
            prefixes: message.prefixes.map(path_of),
            prefix_bytes: message.prefix_bytes,
        };
        let adapters = message.adapters.into_iter().map(|adapter| (adapter.name, path_of(adapter.file)));
        let turns =
            |turns: TurnsMessage| TurnFiles { next: path_of(turns.next), running: path_of(turns.running) };
        Self {
            file: path_of(message.file),
            options,
            adapters: adapters.collect(),
            turns: message.turns.map(turns),
        }
    }
}

pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

pub(super) fn path_of(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

impl From<&ServiceError> for ErrorMessage {
    fn from(error: &ServiceError) -> Self {
        let code = ErrorCode::ALL.iter().position(|code| *code == error.code()).unwrap_or_default();
        Self {
            code: code as u32,
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            retry_after_ms: error.retry_after().map(|wait| wait.as_millis() as u64),
        }
    }
}

impl TryFrom<ErrorMessage> for ServiceError {
    type Error = io::Error;

    fn try_from(message: ErrorMessage) -> io::Result<Self> {
        let code = ErrorCode::ALL.get(message.code as usize).copied();
        let code = code.ok_or_else(|| malformed(format!("error of code {}", message.code)))?;
        let mut error = Self::new(code, message.message);
        if let Some(detail) = message.detail {
            error = error.with_detail(detail);
        }
        if let Some(wait) = message.retry_after_ms {
            error = error.with_retry_after(Duration::from_millis(wait));
        }
        Ok(error)
    }
}
