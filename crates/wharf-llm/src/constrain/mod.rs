//! What an answer must look like, as masks over tokens: `llguidance` behind a few calls.
//!
//! Compiling happens on the thread that asks, masks on the engine's; only rows with a constraint pay for one.

mod cache;
mod compile;
mod regex;
mod schema;
mod state;
#[cfg(test)]
mod tests;
mod vocabulary;

pub(crate) use compile::Compiler;
pub(crate) use state::{CompiledConstraint, ConstraintState, Drawn};
