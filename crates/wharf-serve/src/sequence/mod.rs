//! Models that keep a state from request to request of a sequence.
//!
//! The state is tensors that the server holds between runs, so that a run depends on nothing but its inputs: requests of
//! different sequences share a batch as any others do, and one that fails leaves the state as it was.

mod book;
mod model;
mod reap;
mod run;
mod slots;
mod turn;

pub(crate) use book::{Arrival, Book, Bounds, Place};
pub(crate) use model::SequenceModel;
pub(crate) use run::{Home, stateless};
use slots::Slots;
pub(crate) use turn::{States, Turn};
