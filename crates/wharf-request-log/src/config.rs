//! What a request log is built from.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What a request log is built from.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RequestLogConfig {
    /// The file; lines are added to what is in it.
    pub path: PathBuf,
    /// What lines look like.
    pub format: Format,
    /// The share of requests that are written; 0 to 1.
    pub sample: f64,
    /// A file is cut off before it grows beyond this. A line that is longer by itself is written all the same.
    pub max_file_bytes: u64,
    /// Files that are kept beside the one that is written: `<path>.1` is the newest of them.
    pub kept_files: u32,
    /// Requests that may wait for being written.
    pub max_waiting: usize,
    /// Bytes of tensors that may wait for being written.
    pub max_waiting_bytes: usize,
}

/// What the lines of a log look like. A reader takes both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Objects of this crate's own, with tensors as Base64: small, exact, quick.
    #[default]
    Lines,
    /// CloudEvents as KServe's logger sends them, with tensors as JSON.
    CloudEvents,
}

/// A request log that cannot be started.
#[derive(Debug)]
pub struct RequestLogError {
    message: String,
    source: Option<io::Error>,
}

impl RequestLogConfig {
    /// Every request, in files of 256 MiB of which four older ones are kept.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            format: Format::default(),
            sample: 1.0,
            max_file_bytes: 256 << 20,
            kept_files: 4,
            max_waiting: 1024,
            max_waiting_bytes: 64 << 20,
        }
    }

    /// With lines of this format.
    #[must_use]
    pub fn with_format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// With this share of the requests.
    #[must_use]
    pub fn with_sample(mut self, sample: f64) -> Self {
        self.sample = sample;
        self
    }

    /// With files of this size, and so many older ones kept.
    #[must_use]
    pub fn with_files(mut self, max_bytes: u64, kept: u32) -> Self {
        self.max_file_bytes = max_bytes;
        self.kept_files = kept;
        self
    }

    /// With so many requests waiting at most, and so many bytes of tensors.
    #[must_use]
    pub fn with_max_waiting(mut self, requests: usize, bytes: usize) -> Self {
        self.max_waiting = requests;
        self.max_waiting_bytes = bytes;
        self
    }

    pub(crate) fn check(&self) -> Result<(), RequestLogError> {
        if (0.0..=1.0).contains(&self.sample) {
            return Ok(());
        }
        let message = format!("sample is {}, expected 0 to 1", self.sample);
        Err(RequestLogError { message, source: None })
    }
}

impl RequestLogError {
    pub(crate) fn new(message: String, source: io::Error) -> Self {
        Self { message, source: Some(source) }
    }
}

impl fmt::Display for RequestLogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RequestLogError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
