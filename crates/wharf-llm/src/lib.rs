//! Language models: scheduling, prefix cache, sampling, constrained output, and models in worker processes.
//!
//! What runs the forward passes is behind [`Decoder`], and what knows the tokens behind [`Vocabulary`]; no C++ here.
//! [`Scheduler`] runs many requests on one decoder; other threads ask through its [`SchedulerHandle`], or through the
//! [`wharf_infer::language::LanguageModel`] that [`start_model`] makes of it. An [`LlmEngine`] has each model in a process
//! of its own, which calls [`serve_llm_worker`].

mod cache;
mod constrain;
mod decoder;
mod guess;
mod model;
mod process;
mod sampling;
mod scheduler;
mod store;
mod text;
mod turns;

pub use decoder::{
    AdapterId, BatchToken, DecodeFault, Decoder, DecoderShape, SequenceId, SharedVocabulary, Vocabulary,
};
pub use model::{ModelParts, start_model};
pub use process::{
    LlmEngine, LlmOptions, LlmProcess, OpenRequest, ProcessConfig, companions, serve_llm_worker,
};
pub use scheduler::{
    Clock, ConstraintConfig, GuessConfig, Scheduler, SchedulerConfig, SchedulerHandle, Step, SystemClock,
};
pub use store::PrefixStoreConfig;
pub use turns::{InTurn, Turn, TurnFiles, TurnKeeper, Turnstile};
