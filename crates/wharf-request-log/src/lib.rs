//! Requests as lines of JSON: written beside the request path, read back for replays.
//!
//! A [`RequestLog`] takes a share of the requests that a server has answered. They go into a queue that is bounded in
//! number and in bytes, and a thread of its own writes them; what finds no room is dropped and counted. The file is
//! cut off at a size and kept under another name ([`RequestLogConfig`]). [`read()`] gives the requests of a file back.
//!
//! The tensors are in it as they arrived: whoever may read the file reads what clients sent. It is made readable to
//! its owner alone.
//!
//! ```no_run
//! use std::time::Duration;
//! use wharf_request_log::{RequestLog, RequestLogConfig, read};
//!
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let log = RequestLog::start(RequestLogConfig::new("requests.jsonl").with_sample(0.1))?;
//! assert!(log.shutdown(Duration::from_secs(1)));
//! for record in read("requests.jsonl".as_ref())? {
//!     println!("{}", record?.model);
//! }
//! # Ok(())
//! # }
//! ```

mod config;
mod elements;
mod event;
mod file;
mod log;
mod read;
mod record;
mod sample;
#[cfg(test)]
mod tests;
mod time;

pub use config::{Format, RequestLogConfig, RequestLogError};
pub use log::RequestLog;
pub use read::{ReadError, Records, read};
pub use record::Record;
