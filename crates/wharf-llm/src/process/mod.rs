//! Models in processes of their own.
//!
//! An [`LlmProcess`] is a language model that runs in a worker process, which is the same program under another command
//! ([`serve_llm_worker`]). A fault of native code ends that process alone: its requests fail with a clean error, and it is
//! started again. Its memory goes back to the system when the model is dropped.
//!
//! One socket leads to the worker. Requests and answers of all callers go over it as messages of protobuf, each with the
//! number of its request, so that nobody waits for anybody else.

mod child;
mod engine;
mod frame;
mod link;
mod memory;
mod model;
mod options;
mod replica;
mod seats;
mod supervisor;
#[cfg(test)]
mod tests;
mod wire;

pub use child::serve_llm_worker;
pub use engine::{LlmEngine, companions};
pub use model::{LlmProcess, ProcessConfig};
pub use options::{LlmOptions, OpenRequest};
