//! `wharf run`, `wharf chat`, `wharf ps`: language models from the command line.

mod ask;
mod chat;
mod ps;
mod run;

pub(super) use chat::run as chat;
pub(super) use ps::run as ps;
pub(super) use run::run;
