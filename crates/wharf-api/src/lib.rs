//! wip
mod json;
