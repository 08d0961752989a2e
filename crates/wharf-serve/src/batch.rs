//! Requests that run together: which may, when they do, and how each gets its own answer.

mod config;
mod crowd;
mod entry;
mod line;
mod queue;
mod run;
mod seat;
mod stats;

pub use config::BatchConfig;
pub(crate) use entry::{Batch, Candidate, CloseReason, Dropped, Entry, LaneKey, LaneRules, NoRoom, Rows};
pub(crate) use line::Line;
pub use queue::QueueConfig;
pub(crate) use queue::QueueLimits;
pub(crate) use run::Waiter;
pub(crate) use seat::Seat;
pub use stats::BatchSnapshot;
pub(crate) use stats::BatchStats;
