//! Makes candidates, measures each, and chooses within a budget.

mod budget;
mod candidate;
mod make;
mod outcome;
mod request;
mod run;

pub use budget::Budget;
pub use candidate::{Candidate, Step};
pub use outcome::{Entry, Outcome};
pub use request::{Event, Objective, Request};
pub use run::optimize;
