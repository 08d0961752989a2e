//! Requests that run together: which may, when they do, and how each gets its own answer.

mod config;
mod line;
mod run;
mod seat;
mod stats;

pub use config::BatchConfig;
pub(crate) use line::{Batch, CloseReason, Entry, LaneKey, LaneRules, Line, Rows};
pub(crate) use run::Waiter;
pub(crate) use seat::Seat;
pub use stats::BatchSnapshot;
pub(crate) use stats::BatchStats;
