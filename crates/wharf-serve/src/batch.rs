//! Requests that run together: which may, when they do, and how each gets its own answer.

mod aim;
mod config;
mod crowd;
mod entry;
mod line;
mod pad;
mod queue;
mod run;
mod seat;
mod sizes;
mod stats;

pub(crate) use aim::{Aim, Ran};
pub use config::BatchConfig;
pub(crate) use entry::{
    Batch, Candidate, CloseReason, Dropped, Entry, LaneKey, LaneRules, NoRoom, Rows, RunPlace,
};
pub(crate) use line::Line;
pub use pad::{PadValue, Padding};
pub(crate) use queue::QueueLimits;
pub use queue::{QueueConfig, TimeoutAction};
pub(crate) use run::Waiter;
pub(crate) use seat::Seat;
pub(crate) use sizes::RunSizes;
pub use stats::BatchSnapshot;
pub(crate) use stats::BatchStats;
